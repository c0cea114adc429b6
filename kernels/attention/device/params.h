// What the attention kernels are given: plain numbers and device pointers.
//
// T query rows, S key rows, H query heads, G key/value heads, `group` = H / G query heads a key/value head. Query rows
// of one key/value head are walked flat: flat row f is token f / group, head g * group + f % group, so that all heads
// that share keys fill one tile (packed grouped-query attention) whatever the group's size.
#pragma once

#include "kernels/machine/machine.h"

namespace dermis {

// A tensor [tokens, heads, D] with its last dimension contiguous; strides in elements, rows 16-byte aligned.
template <class T>
struct TokenHeads {
  T* data = nullptr;
  int64_t token_stride = 0, head_stride = 0;
  DERMIS_HOST_DEVICE T* row(int64_t token, int64_t head) const {
    return data + token * token_stride + head * head_stride;
  }
};

// Row i sees keys lo[i] <= j < hi[i] (kernels/visible_keys); column j is seen by rows seen_from[j] <= i < seen_to[j].
struct KeyIntervals {
  const int32_t* lo = nullptr;         // [T]
  const int32_t* hi = nullptr;         // [T]
  const int32_t* seen_from = nullptr;  // [S], backward only
  const int32_t* seen_to = nullptr;    // [S], backward only
};

template <class E>
struct AttentionForwardParams {
  TokenHeads<const E> q, k, v;
  TokenHeads<E> o;
  float* lse = nullptr;  // [H, T] natural logarithm; -inf for rows that see no key
  KeyIntervals visible;
  const int32_t* tile_order = nullptr;  // [tiles] longest first; tile t covers flat rows t * tile height...
  int32_t T = 0, S = 0, H = 0, G = 0;
  float scale = 0;    // of q k^T
  float softcap = 0;  // scores become softcap * tanh(score / softcap); read by softcap kernels only
};

// What the backward kernels keep of a flat row: written by the first of them, read by the others.
struct alignas(8) RowStatistics {
  float lse2, delta;  // log2 of the softmax denominator; sum of grad_o * o
};
// Flat rows of one key/value head, and one more where they are odd, since two are copied at once.
DERMIS_HOST_DEVICE constexpr int64_t statistics_rows(int64_t T, int64_t H, int64_t G) {
  return (T * (H / G) + 1) / 2 * 2;
}

template <class E>
struct AttentionBackwardParams {
  TokenHeads<const E> q, k, v, o, grad_o;
  TokenHeads<E> grad_q, grad_k, grad_v;
  const float* lse = nullptr;           // [H, T] of the forward pass
  RowStatistics* statistics = nullptr;  // scratch, [G, statistics_rows(T, H, G)], 16-byte aligned
  KeyIntervals visible;
  const int32_t* row_tile_order = nullptr;  // [row tiles] longest first, for grad_q
  const int32_t* key_tile_order = nullptr;  // [key tiles] longest first, for grad_k and grad_v
  int32_t T = 0, S = 0, H = 0, G = 0;
  float scale = 0, softcap = 0;
};

}  // namespace dermis
