// From a score to its attention weight and to the gradient of the score, and where flat rows lie.
#pragma once

#include "kernels/attention/device/params.h"

namespace dermis {

// Weights and gradients of scores are rounded to the 16-bit type before they are multiplied, as the plain computation
// does. The scale of the scores is applied to the sums only: in fp16 that keeps gradients of scores from vanishing
// sqrt(D) times longer. Where they pass 65,504 they become infinite, which loss scaling looks for.
//
// The weight of a key is exp(score - lse); the gradient of its score is weight * slope * (grad_weight - delta), where
// slope is the derivative of the soft-cap.
struct AttentionWeight {
  float weight, sloped;  // sloped = weight * slope
};

template <bool Softcap>
struct WeightRule;

template <>
struct WeightRule<false> {
  float factor;  // of q k^T, for powers of two
  template <class M>
  DERMIS_DEVICE static WeightRule of(M&, float scale, float /*softcap*/) {
    return {scale * kLog2E};
  }

  // `lse2` is log2 of the softmax denominator.
  template <class M>
  DERMIS_DEVICE AttentionWeight operator()(M& m, float product, float lse2) const {
    const float weight = m.exp2(m.fma(product, factor, -lse2));
    return {weight, weight};
  }
};

// cap * tanh(x / cap) with r = 1 / (1 + exp(2 x / cap)): tanh = 1 - 2 r, its derivative 4 r (1 - r).
template <>
struct WeightRule<true> {
  float factor, cap2;
  template <class M>
  DERMIS_DEVICE static WeightRule of(M& m, float scale, float softcap) {
    return {2 * kLog2E * scale * m.reciprocal(softcap), softcap * kLog2E};
  }

  template <class M>
  DERMIS_DEVICE AttentionWeight operator()(M& m, float product, float lse2) const {
    const float r = m.reciprocal(1 + m.exp2(product * factor));
    const float weight = m.exp2(m.fma(r, -2 * cap2, cap2 - lse2));
    return {weight, weight * m.fma(-4 * r, r, 4 * r)};
  }
};

// Division of numbers below 2^31 by one that is the same for the whole launch: the host prepares a multiplication.
struct Divider {
  int32_t divisor = 1;
  uint32_t multiplier = 1u << 31, shift = 31;

  // divisor >= 1. With 2^(shift - 31) >= divisor, quotients of multiplier / 2^shift are exact.
  static constexpr Divider by(int32_t divisor) {
    uint32_t shift = 31;
    while ((uint64_t{1} << (shift - 31)) < static_cast<uint64_t>(divisor)) ++shift;
    const uint64_t multiplier =
        ((uint64_t{1} << shift) + static_cast<uint64_t>(divisor) - 1) / static_cast<uint64_t>(divisor);
    return {divisor, static_cast<uint32_t>(multiplier), shift};
  }
  DERMIS_DEVICE int quotient(int x) const {
    return static_cast<int>(static_cast<uint64_t>(static_cast<uint32_t>(x)) * multiplier >> shift);
  }
};

// What the kernels get: the parameters and what the host makes of them.
template <class E>
struct BackwardKernelParams : AttentionBackwardParams<E> {
  Divider group;
};
template <class E>
constexpr BackwardKernelParams<E> backward_kernel_params(const AttentionBackwardParams<E>& params) {
  return {params, Divider::by(params.H / params.G)};
}

// Half-open range of positions, tested with one comparison.
struct VisibleRange {
  int begin = 0;
  uint32_t count = 0;
  DERMIS_DEVICE static VisibleRange between(int begin, int end) { return {begin, static_cast<uint32_t>(end - begin)}; }
  DERMIS_DEVICE int end() const { return begin + static_cast<int>(count); }
  DERMIS_DEVICE bool holds(int position) const { return static_cast<uint32_t>(position - begin) < count; }
};

// Flat rows of one key/value head (params.h).
struct FlatRows {
  const Divider& group;
  int first_head;

  template <class Params>
  DERMIS_DEVICE static FlatRows of(const Params& p, int key_head) {
    return {p.group, key_head * p.group.divisor};
  }
  template <class X>
  DERMIS_DEVICE X* row(const TokenHeads<X>& x, int flat) const {
    const int token = group.quotient(flat);
    return x.row(token, first_head + flat - token * group.divisor);
  }
};

// Statistics of the flat rows of one key/value head.
template <class Params>
DERMIS_DEVICE RowStatistics* statistics_of(const Params& p, int key_head) {
  return p.statistics + key_head * statistics_rows(p.T, p.H, p.G);
}
struct alignas(16) TwoRowStatistics {
  RowStatistics row[2];
};

DERMIS_DEVICE int smaller(int a, int b) { return a < b ? a : b; }

}  // namespace dermis
