// The loop of fma_peak.h in the instruction set of the including file.
#pragma once

#include "kernels/simd/vec_inl.h"

namespace dermis {
namespace {

constexpr int kChains = 12;  // independent sums: more than latency times units of any processor so far

inline float fma_loop(int64_t steps) {
  Vec sums[kChains];
  for (int i = 0; i < kChains; ++i) sums[i] = splat(static_cast<float>(i));
  Vec x = splat(0.9999F), y = splat(1e-6F);
  for (int64_t step = 0; step < steps; ++step) {
    asm volatile("" : "+v"(x), "+v"(y));  // as if they changed: the loop stays a loop
#pragma GCC unroll 12
    for (int i = 0; i < kChains; ++i) sums[i] = fma(sums[i], x, y);
  }
  Vec total = splat(0.0F);
  for (int i = 0; i < kChains; ++i) total = total + sums[i];
  return sum_lanes(total);
}

}  // namespace
}  // namespace dermis
