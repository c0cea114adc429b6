// The machine of kernels/machine/machine.h on the CPU; one object a thread. A test may derive from it and hide members
// to plant a bug: emulate<Kernel, Derived>(...).
#pragma once

#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/machine/machine.h"
#include "tests/emulator/schedule.h"
#include "tests/emulator/warp_operations.h"

namespace dermis {

class Emulator {
 public:
  void attach(EmulatedThread& thread) { self_ = &thread; }

  int thread() const { return self_->index; }
  int lane() const { return self_->lane(); }
  int warp() const { return self_->index / kWarpSize; }
  int block(int axis) const { return static_cast<int>(self_->block->coordinates[axis]); }
  int blocks(int axis) const { return static_cast<int>(launch().shape.blocks[axis]); }
  uint32_t shared_bytes() const { return launch().shape.shared_bytes; }

  void sync(CallSite site = CallSite::here()) {
    WarpCall call{&kBlockBarrier, site};
    launch().warp_call(*self_, call);
  }
  void sync_warp(CallSite site = CallSite::here()) {
    WarpCall call{&kWarpBarrier, site};
    launch().warp_call(*self_, call);
  }
  void fence() {}

  template <class T>
  T load(Shared at, CallSite site = CallSite::here()) {
    T value;
    std::memcpy(&value, shared(at, sizeof(T), site), sizeof(T));
    return value;
  }
  template <class T>
  void store(Shared at, T value, CallSite site = CallSite::here()) {
    std::memcpy(shared(at, sizeof(T), site), &value, sizeof(T));
  }
  uint32_t add(Shared counter, uint32_t value, CallSite site = CallSite::here()) {
    launch().maybe_yield(*self_);
    std::byte* at = shared(counter, sizeof(uint32_t), site);
    uint32_t before;
    std::memcpy(&before, at, sizeof(before));
    const uint32_t after = before + value;
    std::memcpy(at, &after, sizeof(after));
    return before;
  }

  template <class T>
  T load(const T* from, CallSite site = CallSite::here()) {
    check_global(from, sizeof(T), site);
    return *from;
  }
  template <class T>
  T load_written(const T* from, CallSite site = CallSite::here()) {
    check_global(from, sizeof(T), site);
    return *from;
  }
  template <class T>
  void store(T* to, T value, CallSite site = CallSite::here()) {
    mark_written(check_global(to, sizeof(T), site), to, sizeof(T));
    *to = value;
  }
  uint32_t add(uint32_t* counter, uint32_t value, CallSite site = CallSite::here()) {
    launch().maybe_yield(*self_);
    check_global(counter, sizeof(uint32_t), site);
    const uint32_t before = *counter;
    *counter = before + value;
    return before;
  }

  void copy_async16(Shared to, const void* from, bool valid, CallSite site = CallSite::here()) {
    shared(to, 16, site);
    if (valid) check_global(from, 16, site);
    self_->copy_groups.back().push_back({to, valid ? from : nullptr});
    ++launch().report.async_copies;
  }
  void commit() { self_->copy_groups.emplace_back(); }
  template <int N>
  void wait() {
    auto& groups = self_->copy_groups;
    while (groups.size() > N + 1) {  // the last one is open
      for (const AsyncCopy& copy : groups.front()) {
        if (copy.from != nullptr) {
          std::memcpy(self_->block->shared.at(copy.to.at), copy.from, 16);
        } else {
          std::memset(self_->block->shared.at(copy.to.at), 0, 16);
        }
      }
      groups.erase(groups.begin());
    }
  }

  template <class T>
  T shuffle_xor(T value, int mask, CallSite site = CallSite::here()) {
    return shuffle(value, lane() ^ mask, site);
  }
  template <class T>
  T shuffle(T value, int lane, CallSite site = CallSite::here()) {
    static_assert(sizeof(T) == 4);
    ShuffleCall call{{&kShuffle, site}, std::bit_cast<uint32_t>(value), lane};
    launch().warp_call(*self_, call);
    return std::bit_cast<T>(call.value);
  }
  bool any(bool value, CallSite site = CallSite::here()) {
    AnyCall call{{&kAny, site}, value};
    launch().warp_call(*self_, call);
    return call.value;
  }

  template <int N>
  void load_matrix(uint32_t (&r)[N], Shared row, CallSite site = CallSite::here()) {
    LoadMatrixCall call{{&kLoadMatrix<N, false>, site}, r, row};
    launch().warp_call(*self_, call);
  }
  template <int N>
  void load_matrix_transposed(uint32_t (&r)[N], Shared row, CallSite site = CallSite::here()) {
    LoadMatrixCall call{{&kLoadMatrix<N, true>, site}, r, row};
    launch().warp_call(*self_, call);
  }
  template <class E>
  void mma_k16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], CallSite site = CallSite::here()) {
    ProductCall call{{&kProduct<E, 16>, site}, d, a, b};
    launch().warp_call(*self_, call);
  }
  template <class E>
  void mma_k8(float (&d)[4], const uint32_t (&a)[2], uint32_t b, CallSite site = CallSite::here()) {
    ProductCall call{{&kProduct<E, 8>, site}, d, a, &b};
    launch().warp_call(*self_, call);
  }

  float exp2(float x) const { return flush_subnormal(std::exp2(flush_subnormal(x))); }
  float log2(float x) const { return std::log2(flush_subnormal(x)); }
  float reciprocal(float x) const { return 1.0f / x; }
  float rsqrt(float x) const { return static_cast<float>(1.0 / std::sqrt(static_cast<double>(x))); }
  float fma(float a, float b, float c) const { return std::fma(a, b, c); }

  template <class E>
  uint32_t pack(float low, float high) const {
    return dermis::from_float<E>(low).bits | static_cast<uint32_t>(dermis::from_float<E>(high).bits) << 16;
  }
  template <class E>
  float to_float(E x) const {
    return dermis::to_float(x);
  }
  template <class E>
  E from_float(float x) const {
    return dermis::from_float<E>(x);
  }
  template <class E>
  void unpack(uint32_t both, float& low, float& high) const {
    low = to_float(E{static_cast<uint16_t>(both & 0xffffu)});
    high = to_float(E{static_cast<uint16_t>(both >> 16)});
  }

 private:
  EmulatedLaunch& launch() const { return *self_->block->launch; }

  std::byte* shared(Shared at, uint32_t bytes, CallSite site) const {
    SharedMemory& memory = self_->block->shared;
    if (at.at % bytes != 0) {
      throw EmulationFault(FaultKind::kMisaligned, self_->place(), site,
                           std::to_string(bytes) + " bytes at shared byte " + std::to_string(at.at));
    }
    if (uint64_t{at.at} + bytes > memory.size()) {
      throw EmulationFault(FaultKind::kOutOfBounds, self_->place(), site,
                           std::to_string(bytes) + " bytes at shared byte " + std::to_string(at.at) + " of " +
                               std::to_string(memory.size()));
    }
    return memory.at(at.at);
  }

  GlobalRegion& check_global(const void* at, size_t bytes, CallSite site) const {
    if (reinterpret_cast<uintptr_t>(at) % bytes != 0) {
      throw EmulationFault(FaultKind::kMisaligned, self_->place(), site,
                           std::to_string(bytes) + " bytes of global memory");
    }
    GlobalRegion* region = launch().device.find(at, bytes);
    if (region == nullptr) {
      throw EmulationFault(FaultKind::kOutOfBounds, self_->place(), site,
                           std::to_string(bytes) + " bytes of global memory in no buffer");
    }
    return *region;
  }
  static void mark_written(GlobalRegion& region, const void* at, size_t bytes) {
    const auto first = static_cast<size_t>(static_cast<const std::byte*>(at) - region.data());
    std::fill_n(region.written.begin() + static_cast<ptrdiff_t>(first), bytes, uint8_t{1});
  }

  EmulatedThread* self_ = nullptr;
};

}  // namespace dermis
