#include "tests/emulator/device_memory.h"

#include <algorithm>
#include <cstring>
#include <new>

namespace dermis {
namespace {
constexpr std::align_val_t kAlignment{256};  // what cudaMalloc gives
}

void GlobalRegion::Free::operator()(std::byte* storage) const { ::operator delete[](storage, kAlignment); }

GlobalRegion::GlobalRegion(size_t bytes)
    : written(bytes, 0),
      bytes_(bytes),
      storage_(static_cast<std::byte*>(::operator new[](bytes + 2 * kRedZone, kAlignment))) {
  std::memset(storage_.get(), static_cast<int>(kRedByte), kRedZone);
  std::memset(data(), 0xff, bytes);
  std::memset(data() + bytes, static_cast<int>(kRedByte), kRedZone);
}

bool GlobalRegion::holds(const void* address, size_t size) const {
  const auto* at = static_cast<const std::byte*>(address);
  return at >= data() && at + size <= data() + bytes_;
}

bool GlobalRegion::red_zones_intact() const {
  const auto is_red = [](std::byte b) { return b == kRedByte; };
  return std::all_of(data() - kRedZone, data(), is_red) &&
         std::all_of(data() + bytes_, data() + bytes_ + kRedZone, is_red);
}

void EmulatedDevice::add(GlobalRegion* region) {
  const auto at = std::lower_bound(regions_.begin(), regions_.end(), region,
                                   [](const GlobalRegion* a, const GlobalRegion* b) { return a->data() < b->data(); });
  regions_.insert(at, region);
}

void EmulatedDevice::remove(GlobalRegion* region) {
  regions_.erase(std::find(regions_.begin(), regions_.end(), region));
  std::fill(std::begin(recent_), std::end(recent_), nullptr);
}

GlobalRegion* EmulatedDevice::find(const void* address, size_t size) {
  GlobalRegion*& guess = recent_[(reinterpret_cast<uintptr_t>(address) >> 12) % std::size(recent_)];
  if (guess != nullptr && guess->holds(address, size)) return guess;
  const auto above = std::upper_bound(regions_.begin(), regions_.end(), static_cast<const std::byte*>(address),
                                      [](const std::byte* a, const GlobalRegion* r) { return a < r->data(); });
  if (above == regions_.begin() || !(*(above - 1))->holds(address, size)) return nullptr;
  return guess = *(above - 1);
}

const FiberStacks& EmulatedDevice::stacks(size_t count) {
  if (stacks_ == nullptr || stacks_->count() < count) stacks_ = std::make_unique<FiberStacks>(count);
  return *stacks_;
}

}  // namespace dermis
