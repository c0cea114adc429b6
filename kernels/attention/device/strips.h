// Products of a warp's strips of 16 query rows with tiles of keys and values: each fragment of keys or values is read
// once for all strips.
#pragma once

#include "kernels/attention/device/tile.h"

namespace dermis {

// A operands of a warp's strips, read from shared memory once.
template <class E, int D, int Strips>
struct QueryFragments {
  uint32_t sixteens[DepthSteps<D>::kSixteens][Strips][4];
  uint32_t eight[Strips][2];  // where DepthSteps<D>::kEight

  template <class M, class QueryTile>
  DERMIS_DEVICE void load(M& m, const QueryTile& tile, int first_row) {
    DERMIS_UNROLL
    for (int strip = 0; strip < Strips; ++strip) {
      const int row = first_row + 16 * strip;
      DERMIS_UNROLL
      for (int step = 0; step < DepthSteps<D>::kSixteens; ++step) tile.a_k16(m, row, step, sixteens[step][strip]);
      if constexpr (DepthSteps<D>::kEight) tile.a_k8(m, row, D / 8 - 1, eight[strip]);
    }
  }
};

// s[strip] += queries keys^T; s[strip][n] is the fragment of keys 8n .. 8n+7.
template <class E, int D, int Keys, int Strips, class M, class KeyTile>
DERMIS_DEVICE void strip_scores(M& m, const QueryFragments<E, D, Strips>& queries, const KeyTile& keys,
                                float (&s)[Strips][Keys / 8][4]) {
  static_assert(Keys % 16 == 0);
  DERMIS_UNROLL
  for (int step = 0; step < DepthSteps<D>::kSixteens; ++step) {
    DERMIS_UNROLL
    for (int n = 0; n < Keys / 16; ++n) {
      uint32_t b[4];
      keys.b_rows_k16(m, 16 * n, step, b);
      DERMIS_UNROLL
      for (int strip = 0; strip < Strips; ++strip) {
        m.template mma_k16<E>(s[strip][2 * n], queries.sixteens[step][strip], {b[0], b[1]});
        m.template mma_k16<E>(s[strip][2 * n + 1], queries.sixteens[step][strip], {b[2], b[3]});
      }
    }
  }
  if constexpr (DepthSteps<D>::kEight) {
    DERMIS_UNROLL
    for (int n = 0; n < Keys / 16; ++n) {
      uint32_t b[2];
      keys.b_rows_k8(m, 16 * n, D / 8 - 1, b);
      DERMIS_UNROLL
      for (int strip = 0; strip < Strips; ++strip) {
        m.template mma_k8<E>(s[strip][2 * n], queries.eight[strip], b[0]);
        m.template mma_k8<E>(s[strip][2 * n + 1], queries.eight[strip], b[1]);
      }
    }
  }
}

// Weights, rounded: A operands of the product with the values.
template <class E, int Keys, int Strips, class M>
DERMIS_DEVICE void round_weights(M& m, const float (&s)[Strips][Keys / 8][4],
                                 uint32_t (&weights)[Keys / 16][Strips][4]) {
  DERMIS_UNROLL
  for (int k = 0; k < Keys / 16; ++k) {
    DERMIS_UNROLL
    for (int strip = 0; strip < Strips; ++strip) {
      as_a_operand<E>(m, s[strip][2 * k], s[strip][2 * k + 1], weights[k][strip]);
    }
  }
}

// o[strip] += weights values; o[strip][n] is the fragment of columns 8n .. 8n+7.
template <class E, int D, int Keys, int Strips, class M, class ValueTile>
DERMIS_DEVICE void strip_accumulate(M& m, const uint32_t (&weights)[Keys / 16][Strips][4], const ValueTile& values,
                                    float (&o)[Strips][D / 8][4]) {
  DERMIS_UNROLL
  for (int k = 0; k < Keys / 16; ++k) {
    DERMIS_UNROLL
    for (int n = 0; n + 1 < D / 8; n += 2) {
      uint32_t b[4];
      values.b_columns_k16(m, 16 * k, n, b);
      DERMIS_UNROLL
      for (int strip = 0; strip < Strips; ++strip) {
        m.template mma_k16<E>(o[strip][n], weights[k][strip], {b[0], b[1]});
        m.template mma_k16<E>(o[strip][n + 1], weights[k][strip], {b[2], b[3]});
      }
    }
    if constexpr (D / 8 % 2 == 1) {
      uint32_t b[2];
      values.b_columns_k16(m, 16 * k, D / 8 - 1, b);
      DERMIS_UNROLL
      for (int strip = 0; strip < Strips; ++strip) m.template mma_k16<E>(o[strip][D / 8 - 1], weights[k][strip], b);
    }
  }
}

}  // namespace dermis
