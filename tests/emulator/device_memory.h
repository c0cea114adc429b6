// The emulated device: what lives longer than a launch. Global memory is ordinary host memory, but only buffers that
// are registered here may be touched by kernels, and every access is checked against them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/emulator/fault.h"
#include "tests/emulator/fiber.h"
#include "tests/emulator/shadow_memory.h"

namespace dermis {

// Bytes of one allocation, poisoned with 0xff (a NaN in every float format), a red zone before and after them.
class GlobalRegion {
 public:
  // `granule`: bytes that are always accessed together, 1, 2 or 4.
  GlobalRegion(size_t bytes, size_t granule);

  std::byte* data() { return storage_.get() + kRedZone; }
  const std::byte* data() const { return storage_.get() + kRedZone; }
  size_t bytes() const { return bytes_; }
  bool holds(const void* address, size_t size) const;
  // Whether a write that did not go through the machine left the region.
  bool red_zones_intact() const;

  // Whether a kernel or the host wrote the byte (or its granule).
  bool written(size_t byte) const { return shadow.at(byte).written(); }
  void write_by_host(size_t first, size_t bytes) { shadow.write_by_host(first, bytes); }

  ShadowMemory shadow;

 private:
  static constexpr size_t kRedZone = 256;
  static constexpr std::byte kRedByte{0xa5};
  struct Free {
    void operator()(std::byte* storage) const;
  };
  size_t bytes_;
  std::unique_ptr<std::byte[], Free> storage_;
};

class EmulatedDevice {
 public:
  EmulatedDevice() = default;
  EmulatedDevice(const EmulatedDevice&) = delete;
  EmulatedDevice& operator=(const EmulatedDevice&) = delete;

  void add(GlobalRegion* region);
  void remove(GlobalRegion* region);
  // The region that holds all `size` bytes, or null.
  GlobalRegion* find(const void* address, size_t size);
  // " in no buffer" or which buffer the address misses by how much.
  std::string nearest(const void* address) const;
  const std::vector<GlobalRegion*>& regions() const { return regions_; }

  const FiberStacks& stacks(size_t count);

  // The time of race_clock.h.
  uint32_t now() const { return now_; }
  uint32_t tick();

 private:
  std::vector<GlobalRegion*> regions_;  // by address
  GlobalRegion* recent_[64] = {};       // by address modulo pages: a guess for find()
  std::unique_ptr<FiberStacks> stacks_;
  uint32_t now_ = 1;
};

}  // namespace dermis
