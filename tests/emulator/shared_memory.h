// Dynamic shared memory of one block: poisoned with 0xff (NaN) when the block starts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dermis {

class SharedMemory {
 public:
  void reset(uint32_t bytes) { bytes_.assign(bytes, std::byte{0xff}); }
  uint32_t size() const { return static_cast<uint32_t>(bytes_.size()); }
  std::byte* at(uint32_t offset) { return bytes_.data() + offset; }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace dermis
