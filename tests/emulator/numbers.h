// 16-bit numbers on the host, bit for bit as the device rounds them: to nearest, ties to even, overflow to infinity,
// every NaN to 0x7fff.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "kernels/machine/machine.h"

namespace dermis {

inline float to_float(Bf16 x) { return std::bit_cast<float>(static_cast<uint32_t>(x.bits) << 16); }

inline float to_float(Fp16 x) {
  const uint32_t magnitude = (x.bits & 0x7fffu) << 13, sign = (x.bits & 0x8000u) << 16;
  // Read as a float with the exponent bias of fp16; times 2^112 is exact for normal and subnormal numbers alike.
  const float scaled = std::bit_cast<float>(magnitude) * 0x1p112f;
  const uint32_t finite = std::bit_cast<uint32_t>(scaled), special = magnitude | 0x7f800000u;
  return std::bit_cast<float>(sign | ((x.bits & 0x7c00u) == 0x7c00u ? special : finite));
}

inline float to_float(float x) { return x; }

inline uint16_t round_to_bf16(float x) {
  if (std::isnan(x)) return 0x7fff;
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline uint16_t round_to_fp16(float x) {
  if (std::isnan(x)) return 0x7fff;
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);  // 65520 and more
  if (magnitude >= 0x38800000u) {                                              // 2^-14 and more: normal
    const uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
    return static_cast<uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
  }
  // Subnormal: adding 0.5 leaves |x| / 2^-24, rounded to an integer, in the low bits.
  const float sum = std::bit_cast<float>(magnitude) + 0.5f;
  return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(sum) - 0x3f000000u));
}

template <class E>
E from_float(float x) {
  if constexpr (std::is_same_v<E, Bf16>) {
    return E{round_to_bf16(x)};
  } else if constexpr (std::is_same_v<E, Fp16>) {
    return E{round_to_fp16(x)};
  } else {
    static_assert(std::is_same_v<E, float>);
    return x;
  }
}

// The nearest number of `fraction_bits` fraction bits and exponents from `least_exponent` on, as a double.
inline double round_to_fraction(double x, int fraction_bits, int least_exponent) {
  if (x == 0 || !std::isfinite(x)) return x;
  const int exponent = std::max(std::ilogb(x), least_exponent);
  return std::scalbn(std::nearbyint(std::scalbn(x, fraction_bits - exponent)), exponent - fraction_bits);
}

// Rounds once from double: going through float could round twice.
template <class T>
T from_double(double x) {
  if constexpr (std::is_same_v<T, Bf16>) {
    return from_float<Bf16>(static_cast<float>(round_to_fraction(x, 7, -126)));
  } else if constexpr (std::is_same_v<T, Fp16>) {
    return from_float<Fp16>(static_cast<float>(round_to_fraction(x, 10, -14)));
  } else {
    return static_cast<T>(x);
  }
}

template <class T>
double as_double(T x) {
  if constexpr (std::is_same_v<T, Bf16> || std::is_same_v<T, Fp16>) {
    return to_float(x);
  } else {
    return static_cast<double>(x);
  }
}

inline float flush_subnormal(float x) {
  return std::fabs(x) < std::numeric_limits<float>::min() ? std::copysign(0.0f, x) : x;
}

}  // namespace dermis
