// Dynamic shared memory of one block: poisoned with 0xff (NaN) and unwritten when the block starts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tests/emulator/shadow_memory.h"

namespace dermis {

struct SharedMemory {
  std::vector<std::byte> bytes;
  ShadowMemory shadow;  // of 2 bytes a granule, the smallest access

  void reset(uint32_t size) {
    bytes.assign(size, std::byte{0xff});
    shadow.reset(size, 2);
  }
};

}  // namespace dermis
