// Four numbers at a time, of arrays of any type: 16 bytes of fp32, 8 of 16-bit numbers. With eight a thread (rows.h)
// each access of fp32 would take every second half of a sector; with four, what a warp takes lies side by side.
#pragma once

#include <type_traits>

#include "kernels/machine/rows.h"

namespace dermis {

constexpr int kFour = 4;

template <class E>
struct alignas(4 * sizeof(E)) Four {
  uint32_t word[sizeof(E)];

  DERMIS_DEVICE E number(int i) const {
    if constexpr (sizeof(E) == 4) {
      return __builtin_bit_cast(float, word[i]);
    } else {
      return E{static_cast<uint16_t>(word[i / 2] >> (16 * (i % 2)))};
    }
  }
  // Into a place that is still zero.
  DERMIS_DEVICE void set(int i, E number) {
    if constexpr (sizeof(E) == 4) {
      word[i] = __builtin_bit_cast(uint32_t, number);
    } else {
      word[i / 2] |= static_cast<uint32_t>(number.bits) << (16 * (i % 2));
    }
  }
};

// Numbers first .. first + 3 of [count], first < count. E may be const.
template <class E>
struct FourPlace {
  using Number = std::remove_const_t<E>;
  E* data;  // of number `first`
  int64_t left;

  DERMIS_DEVICE FourPlace(E* array, int64_t count, int64_t first) : data(array + first), left(count - first) {}
  DERMIS_DEVICE bool whole() const {
    return left >= kFour && reinterpret_cast<uintptr_t>(data) % sizeof(Four<Number>) == 0;
  }

  // By load(address); zeros beyond the end.
  template <class M, class Load>
  DERMIS_DEVICE void load(M& m, float (&x)[kFour], Load load) const {
    Four<Number> four = {};
    if (whole()) {
      four = load(reinterpret_cast<const Four<Number>*>(data));
    } else {
      DERMIS_UNROLL
      for (int i = 0; i < kFour; ++i)
        if (i < left) four.set(i, load(static_cast<const Number*>(data + i)));
    }
    DERMIS_UNROLL
    for (int i = 0; i < kFour; ++i) x[i] = m.to_float(four.number(i));
  }

  template <class M>
  DERMIS_DEVICE void store(M& m, const Four<Number>& four) const {
    if (whole()) {
      m.store(reinterpret_cast<Four<Number>*>(data), four);
    } else {
      DERMIS_UNROLL
      for (int i = 0; i < kFour; ++i)
        if (i < left) m.store(data + i, four.number(i));
    }
  }
  // Rounds to nearest even.
  template <class M>
  DERMIS_DEVICE void store(M& m, const float (&x)[kFour]) const {
    Four<Number> four = {};
    DERMIS_UNROLL
    for (int i = 0; i < kFour; ++i) four.set(i, m.template from_float<Number>(x[i]));
    store(m, four);
  }
};

}  // namespace dermis
