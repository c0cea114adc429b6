// Softmax over keys that come a tile at a time (arXiv 1805.02867, 2205.14135), on the sums of mma fragments.
//
// A strip is 16 rows; a thread holds columns of its rows `lane / 4` and `lane / 4 + 8`, and the four lanes of a quad
// hold a row together (machine.h). Weights are powers of two: exp2(score * scale - base).
#pragma once

#include <cmath>

#include "kernels/machine/machine.h"

namespace dermis {

// Scores in units of log2, soft-capped: cap * tanh(x * scale / cap) * log2(e). With tanh(y) = 1 - 2 / (exp(2y) + 1)
// that takes one exp2 and one reciprocal; both ends saturate without overflow.
struct Softcap {
  float to_exponent, height;  // 2 log2(e) scale / cap and cap * log2(e)

  template <class M>
  DERMIS_DEVICE static Softcap of(M& m, float scale, float cap) {
    return {2 * kLog2E * scale * m.reciprocal(cap), cap * kLog2E};
  }
  template <class M>
  DERMIS_DEVICE float operator()(M& m, float x) const {
    return m.fma(-2 * height, m.reciprocal(m.exp2(x * to_exponent) + 1), height);
  }
};

template <class M>
DERMIS_DEVICE float max_of_quad(M& m, float x) {
  x = fmaxf(x, m.shuffle_xor(x, 1));
  return fmaxf(x, m.shuffle_xor(x, 2));
}
template <class M>
DERMIS_DEVICE float sum_of_quad(M& m, float x) {
  x += m.shuffle_xor(x, 1);
  return x + m.shuffle_xor(x, 2);
}

// The two rows of a thread, [0] and [1]. The base of a row is a score it has seen, and follows the row's largest score
// only when that gets more than kSlack ahead: weights stay below 2^kSlack, far from overflow even in fp16, and most
// tiles leave earlier sums as they are.
struct OnlineSoftmax {
  static constexpr float kSlack = 8;
  static constexpr float kNoKeyYet = -1e30f;  // below every score; finite, so that hidden scores of -infinity weigh 0

  float base[2] = {kNoKeyYet, kNoKeyYet};
  float sum[2] = {0, 0};  // of the weights of this thread's columns

  // Turns the scores of one tile into weights; o are the sums of weighted values so far. scale > 0.
  template <int N, int C, class M>
  DERMIS_DEVICE void add(M& m, float scale, float (&s)[N][4], float (&o)[C][4]) {
    float largest[2];
    DERMIS_UNROLL
    for (int row = 0; row < 2; ++row) {
      largest[row] = fmaxf(s[0][2 * row], s[0][2 * row + 1]);
      DERMIS_UNROLL
      for (int n = 1; n < N; ++n) largest[row] = fmaxf(largest[row], fmaxf(s[n][2 * row], s[n][2 * row + 1]));
      largest[row] *= scale;
    }
    if (m.any(largest[0] > base[0] + kSlack || largest[1] > base[1] + kSlack)) rebase(m, largest, o);
    DERMIS_UNROLL
    for (int row = 0; row < 2; ++row) {
      DERMIS_UNROLL
      for (int n = 0; n < N; ++n) {
        s[n][2 * row] = m.exp2(m.fma(s[n][2 * row], scale, -base[row]));
        s[n][2 * row + 1] = m.exp2(m.fma(s[n][2 * row + 1], scale, -base[row]));
        sum[row] += s[n][2 * row] + s[n][2 * row + 1];
      }
    }
  }

  // After the last tile: what the sums of weighted values are multiplied by, and the row's natural log-sum-exp. A row
  // that has seen no key gives 0 and -infinity.
  template <class M>
  DERMIS_DEVICE void finish(M& m, int row, float& factor, float& lse) const {
    const float total = sum_of_quad(m, sum[row]);
    factor = total == 0 ? 0 : m.reciprocal(total);
    lse = total == 0 ? -INFINITY : (base[row] + m.log2(total)) * kLn2;
  }

 private:
  template <int C, class M>
  DERMIS_DEVICE void rebase(M& m, const float (&largest)[2], float (&o)[C][4]) {
    DERMIS_UNROLL
    for (int row = 0; row < 2; ++row) {
      const float before = base[row];
      base[row] = fmaxf(before, max_of_quad(m, largest[row]));
      const float correction = m.exp2(before - base[row]);
      sum[row] *= correction;
      DERMIS_UNROLL
      for (int c = 0; c < C; ++c) {
        o[c][2 * row] *= correction;
        o[c][2 * row + 1] *= correction;
      }
    }
  }
};

}  // namespace dermis
