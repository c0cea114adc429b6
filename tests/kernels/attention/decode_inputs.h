// Decoding steps for tests: caches in which nothing but the tokens that a step reads is a number, and what fp64 says.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/attention/attention_decode.h"
#include "tests/kernels/attention/attention_cases.h"

namespace dermis::testing {

struct DecodeCase {
  std::string name;
  std::vector<int32_t> lengths;
  int64_t tokens, heads, groups, head_size;
  AttentionDecodeOptions options = {};
};

inline std::vector<DecodeCase> decode_cases(int64_t head_size) {
  return {
      {"one token of one", {1}, 1, 1, 1, head_size},
      {"ragged", {130, 1, 64, 63, 65, 200}, 1, 4, 2, head_size},
      {"several tokens", {3, 200, 65}, 3, 4, 4, head_size},
      {"window", {1, 300, 49, 50, 64}, 1, 6, 2, head_size, {.window = 50}},
      {"tokens in a window", {4, 131, 190, 256}, 4, 3, 1, head_size, {.window = 63}},
      {"window of one", {2, 129}, 2, 2, 2, head_size, {.window = 1}},
      {"window wider than all", {70, 5}, 2, 8, 1, head_size, {.window = 2'147'483'647}},
      {"long", {700, 1}, 1, 8, 1, head_size},
      {"soft-cap", {100, 66}, 2, 4, 2, head_size, {.softcap = 3, .window = 40}},
      {"own scale", {90}, 1, 2, 1, head_size, {.scale = 0.3}},
  };
}

struct DecodeInputs {
  at::Tensor q, k, v;  // in the layout of `sequences`
  CachedSequences sequences;
  AttentionDecodeResult expected;  // fp64
};

// The first token that the step reads of a sequence: the window of the earliest query token, as the header has it.
inline int64_t first_token(const DecodeCase& c, int64_t length) {
  const int64_t earliest = length - c.tokens;
  return c.options.window == 0 ? 0 : std::max<int64_t>(0, earliest - c.options.window + 1);
}

// Every row by itself, from its own keys alone.
inline AttentionDecodeResult exact_decode(const DecodeCase& c, const at::Tensor& q, const std::vector<at::Tensor>& keys,
                                          const std::vector<at::Tensor>& values) {
  const auto B = static_cast<int64_t>(c.lengths.size());
  const auto fp64 = at::TensorOptions().dtype(at::kDouble);
  AttentionDecodeResult result{at::empty(q.sizes(), fp64), at::empty({c.heads, B, c.tokens}, fp64)};
  for (int64_t b = 0; b < B; ++b) {
    for (int64_t i = 0; i < c.tokens; ++i) {
      const int64_t end = c.lengths[static_cast<size_t>(b)] - c.tokens + i + 1;
      const int64_t count = c.options.window == 0 ? end : std::min<int64_t>(end, c.options.window);
      const auto seen = [&](const std::vector<at::Tensor>& x) {
        return x[static_cast<size_t>(b)].narrow(0, end - count, count);
      };
      const AttentionReference one =
          attention_reference(q[b].narrow(0, i, 1), seen(keys), seen(values),
                              VisibleKeys({0}, {static_cast<int32_t>(count)}, static_cast<int32_t>(count)),
                              {c.options.scale, c.options.softcap});
      result.o_BNHD[b][i].copy_(one.o_THD[0]);
      result.lse_HBN.select(1, b).select(1, i).copy_(one.lse_HT.select(1, 0));
    }
  }
  return result;
}

inline DecodeInputs decode_inputs(const DecodeCase& c, at::ScalarType type, bool paged, uint64_t seed = 1) {
  const auto B = static_cast<int64_t>(c.lengths.size());
  const int64_t most = *std::max_element(c.lengths.begin(), c.lengths.end());
  const int64_t max_pages = (most + 63) / 64 + 1, blocks = paged ? B * max_pages : B, rows = paged ? 64 : most + 3;
  // Pages lie in the cache in any order; those that the step does not read have no place in it.
  std::vector<int64_t> order(static_cast<size_t>(blocks));
  std::iota(order.begin(), order.end(), 0);
  if (paged) Random(seed, RandomPurpose::selftest).shuffle(order);
  at::Tensor table = at::full({B, max_pages}, -1, at::kInt);
  const at::Tensor q = random_tensor({B, c.tokens, c.heads, c.head_size}, seed + 1).to(type);
  const at::Tensor k = at::full({blocks, rows, c.groups, c.head_size}, NAN, at::TensorOptions().dtype(type));
  const at::Tensor v = k.clone();
  std::vector<at::Tensor> keys, values;
  for (int64_t b = 0; b < B; ++b) {
    const int64_t length = c.lengths[static_cast<size_t>(b)];
    const auto own_seed = seed + 10 + 2 * static_cast<uint64_t>(b);
    keys.push_back(random_tensor({length, c.groups, c.head_size}, own_seed).to(type));
    values.push_back(random_tensor({length, c.groups, c.head_size}, own_seed + 1).to(type));
    for (int64_t token = first_token(c, length); token < length; ++token) {
      const int64_t block = paged ? order[static_cast<size_t>(b * max_pages + token / 64)] : b;
      const int64_t row = paged ? token % 64 : token;
      if (paged) table[b][token / 64] = block;
      k[block][row].copy_(keys.back()[token]);
      v[block][row].copy_(values.back()[token]);
    }
  }
  return {q, k, v, paged ? CachedSequences::paged(c.lengths, table) : CachedSequences::contiguous(c.lengths),
          exact_decode(c, q, keys, values)};
}

}  // namespace dermis::testing
