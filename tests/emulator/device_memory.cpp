#include "tests/emulator/device_memory.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>

namespace dermis {
namespace {
constexpr std::align_val_t kAlignment{256};  // what cudaMalloc gives
}

void GlobalRegion::Free::operator()(std::byte* storage) const { ::operator delete[](storage, kAlignment); }

GlobalRegion::GlobalRegion(size_t bytes, size_t granule)
    : bytes_(bytes), storage_(static_cast<std::byte*>(::operator new[](bytes + 2 * kRedZone, kAlignment))) {
  shadow.reset(bytes, granule);
  std::memset(storage_.get(), static_cast<int>(kRedByte), kRedZone);
  std::memset(data(), 0xff, bytes);
  std::memset(data() + bytes, static_cast<int>(kRedByte), kRedZone);
}

bool GlobalRegion::holds(const void* address, size_t size) const {
  const auto at = reinterpret_cast<uintptr_t>(address), first = reinterpret_cast<uintptr_t>(data());
  return at >= first && size <= bytes_ && at - first <= bytes_ - size;
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

std::string EmulatedDevice::nearest(const void* address) const {
  const auto at = reinterpret_cast<intptr_t>(address);
  std::string text = " in no buffer";
  intptr_t least = 1 << 20;  // farther away is no neighbour
  for (const GlobalRegion* region : regions_) {
    const intptr_t past = at - reinterpret_cast<intptr_t>(region->data());
    const auto bytes = static_cast<intptr_t>(region->bytes());
    const intptr_t distance = past < 0 ? -past : std::max<intptr_t>(past - bytes, 0);
    if (distance >= least) continue;
    least = distance;
    text = " at byte " + std::to_string(past) + " of the buffer of " + std::to_string(bytes) + " bytes";
  }
  return text;
}

uint32_t EmulatedDevice::tick() {
  if (++now_ == 0) throw std::length_error("the emulated device has run for too long: make a new one");
  return now_;
}

const FiberStacks& EmulatedDevice::stacks(size_t count) {
  if (stacks_ == nullptr || stacks_->count() < count) stacks_ = std::make_unique<FiberStacks>(count);
  return *stacks_;
}

}  // namespace dermis
