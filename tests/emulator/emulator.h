// The machine of kernels/machine/machine.h on the CPU; one object a thread. A test may derive from it and hide members
// to plant a bug: emulate<Kernel, Derived>(...).
#pragma once

#include <bit>
#include <cmath>
#include <cstring>

#include "kernels/machine/machine.h"
#include "tests/emulator/memory_access.h"
#include "tests/emulator/schedule.h"
#include "tests/emulator/warp_operations.h"

namespace dermis {

class Emulator {
 public:
  void attach(EmulatedThread& thread) { self_ = &thread; }

  int thread() const { return self_->index; }
  int lane() const { return self_->lane(); }
  int warp(CallSite site = CallSite::here()) { return shuffle(self_->index / kWarpSize, 0, site); }
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
  void fence() { fence_thread(*self_); }

  template <class T>
  T load(Shared at, CallSite site = CallSite::here()) {
    static_assert(is_access<T> && sizeof(T) >= 2);
    T value;
    std::memcpy(&value, read_shared(*self_, at, sizeof(T), site), sizeof(T));
    return value;
  }
  template <class T>
  void store(Shared at, T value, CallSite site = CallSite::here()) {
    static_assert(is_access<T> && sizeof(T) >= 2);
    std::memcpy(write_shared(*self_, at, sizeof(T), site), &value, sizeof(T));
  }
  uint32_t add(Shared counter, uint32_t value, CallSite site = CallSite::here()) {
    launch().maybe_yield(*self_, site);
    return add_to_shared(*self_, counter, value, site);
  }

  template <class T>
  T load(const T* from, CallSite site = CallSite::here()) {
    static_assert(is_access<T>);
    check_global_read(*self_, from, sizeof(T), Read::kConstant, site);
    T value;
    std::memcpy(&value, from, sizeof(T));  // the buffer may be of another type
    return value;
  }
  template <class T>
  T load_own(const T* from, CallSite site = CallSite::here()) {
    static_assert(is_access<T> && sizeof(T) >= 2);
    check_global_read(*self_, from, sizeof(T), Read::kOwn, site);
    T value;
    std::memcpy(&value, from, sizeof(T));  // the buffer may be of another type
    return value;
  }
  template <class T>
  T load_written(const T* from, CallSite site = CallSite::here()) {
    static_assert(is_access<T> && sizeof(T) >= 2);
    launch().maybe_yield(*self_, site);
    check_global_read(*self_, from, sizeof(T), Read::kStrong, site);
    T value;
    std::memcpy(&value, from, sizeof(T));  // the buffer may be of another type
    return value;
  }
  template <class T>
  void store(T* to, T value, CallSite site = CallSite::here()) {
    static_assert(is_access<T>);
    check_global_write(*self_, to, sizeof(T), site);
    std::memcpy(to, &value, sizeof(T));
  }
  uint32_t add(uint32_t* counter, uint32_t value, CallSite site = CallSite::here()) {
    launch().maybe_yield(*self_, site);
    return add_to_global(*self_, counter, value, site);
  }

  void copy_async16(Shared to, const void* from, bool valid, CallSite site = CallSite::here()) {
    start_copy(*self_, to, from, valid, site);
  }
  void commit() { self_->copies.commit(); }
  template <int N>
  void wait(CallSite site = CallSite::here()) {
    land_copies(*self_, N, site);
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
  float reciprocal(float x) const { return flush_subnormal(1.0f / flush_subnormal(x)); }
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
  // What one instruction moves.
  template <class T>
  static constexpr bool is_access = std::is_trivially_copyable_v<T>&& std::has_single_bit(sizeof(T)) && sizeof(T) <= 16;

  EmulatedLaunch& launch() const { return *self_->block->launch; }

  EmulatedThread* self_ = nullptr;
};

}  // namespace dermis
