// Sums over some of the keys of a row, and how those of several parts become one. Parts are added in their order,
// whoever does it and whenever: results do not depend on which block came last.
#pragma once

#include <cmath>

#include "kernels/attention/device/softmax.h"

namespace dermis {

// What some of the keys come to: weighted values sum to `o` and weights to `sum`, both times 2^base.
struct alignas(8) SumBase {
  float base, sum;
};
struct alignas(8) TwoSums {
  float o[2];
};
struct alignas(16) FourSums {
  float o[4];
};

// Adds up `count` partial sums of four columns of a row: `base(i)` and `sums(i)` give the i-th, always in this order.
template <class M, class BaseOf, class SumsOf>
DERMIS_DEVICE SumBase add_up(M& m, int count, FourSums& total, BaseOf base, SumsOf sums) {
  SumBase all{OnlineSoftmax::kNoKeyYet, 0};
  for (int i = 0; i < count; ++i) all.base = fmaxf(all.base, base(i).base);
  total = {};
  for (int i = 0; i < count; ++i) {
    const SumBase one = base(i);
    const float factor = m.exp2(one.base - all.base);
    all.sum = m.fma(one.sum, factor, all.sum);
    const FourSums four = sums(i);
    DERMIS_UNROLL
    for (int c = 0; c < 4; ++c) total.o[c] = m.fma(four.o[c], factor, total.o[c]);
  }
  return all;
}

}  // namespace dermis
