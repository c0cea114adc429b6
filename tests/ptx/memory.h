// Memory that a kernel of PTX may touch. Addresses of global memory are those of the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace dermis::ptx {

class GlobalMemory {
 public:
  void add(uint64_t address, size_t bytes) { blocks_[address] = bytes; }
  void remove(uint64_t address);
  // From now on `holds` answers, not the blocks: memory that others allocate.
  void ask(bool (*holds)(uint64_t address, size_t bytes)) { holds_ = holds; }
  // Whether all of it lies in one block.
  bool holds(uint64_t address, size_t bytes);

 private:
  std::map<uint64_t, size_t> blocks_;
  uint64_t begin_ = 0, end_ = 0;  // of the block found last
  bool (*holds_)(uint64_t address, size_t bytes) = nullptr;
};

// Of one block of threads. Begins where it does on a GPU, which keeps 1,024 bytes for itself.
class SharedMemory {
 public:
  static constexpr uint32_t kBase = 1024;

  // Bytes that nothing wrote are ones: NaN in every format of floats.
  explicit SharedMemory(uint32_t bytes) : bytes_(bytes, std::byte{0xff}) {}
  std::byte* at(uint64_t address, size_t bytes) {
    const uint64_t first = address - kBase;
    return first <= bytes_.size() && bytes <= bytes_.size() - first ? bytes_.data() + first : nullptr;
  }

 private:
  std::vector<std::byte> bytes_;
};

}  // namespace dermis::ptx
