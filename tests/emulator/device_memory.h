// The emulated device: what lives longer than a launch. Global memory is ordinary host memory, but only buffers that
// are registered here may be touched by kernels, and every access is checked against them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "tests/emulator/fault.h"
#include "tests/emulator/fiber.h"

namespace dermis {

// Bytes of one allocation, poisoned with 0xff (a NaN in every float format), a red zone before and after them.
class GlobalRegion {
 public:
  explicit GlobalRegion(size_t bytes);

  std::byte* data() { return storage_.get() + kRedZone; }
  const std::byte* data() const { return storage_.get() + kRedZone; }
  size_t bytes() const { return bytes_; }
  bool holds(const void* address, size_t size) const;
  // Whether a write that did not go through the machine left the region.
  bool red_zones_intact() const;

  std::vector<uint8_t> written;  // a flag a byte

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
  const std::vector<GlobalRegion*>& regions() const { return regions_; }

  const FiberStacks& stacks(size_t count);

 private:
  std::vector<GlobalRegion*> regions_;  // by address
  GlobalRegion* recent_[64] = {};       // by address modulo pages: a guess for find()
  std::unique_ptr<FiberStacks> stacks_;
};

}  // namespace dermis
