// Attention of the newest tokens of every sequence to a key/value cache that holds them already: a decoding step.
// B sequences, N query tokens of each, H query heads, G key/value heads (H a multiple of G), D head size.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "kernels/attention/cached_sequences.h"

namespace dermis {

struct AttentionDecodeOptions {
  double scale = 0;    // 0: 1 / sqrt(D)
  double softcap = 0;  // 0: none; else scores become cap * tanh(score / cap)
  int32_t window = 0;  // 0: none; else a token sees the last `window` tokens, its own counted
};

struct AttentionDecodeResult {
  at::Tensor o_BNHD;   // dtype of q
  at::Tensor lse_HBN;  // fp32 (fp64 for fp64 input): log of the softmax denominator
};

// The query tokens are the last N of their sequence: token i sees keys up to length - N + i, its own. k and v are
// caches [B, S_max, G, D], or [pages, 64, G, D] with a page table (cached_sequences.h). Keys past a sequence's end and
// keys before its window are neither read nor looked up in the table. Without autograd; outputs are contiguous.
//   GPU 16-bit  one launch (kernels/attention/device/decode.h) for head sizes 64, 72, 128, 256, at most 64 rows a
//               key/value head (N * H / G) and caches whose rows begin at multiples of 16 bytes; others are refused
//   elsewhere   the keys that are read are gathered onto one axis for attention_forward (attention.h)
// Throws Error(usage) when shapes, dtypes or devices do not fit each other, N is 0 or a sequence has fewer than N
// tokens, a length exceeds S_max, a token that is read has a page outside the cache, or options are out of range.
AttentionDecodeResult attention_decode(const at::Tensor& q_BNHD, const at::Tensor& k_cache, const at::Tensor& v_cache,
                                       const CachedSequences& sequences, const AttentionDecodeOptions& options = {});

}  // namespace dermis
