// Inputs and error measures that the attention tests share.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "core/random.h"
#include "kernels/attention/attention.h"

namespace dermis::testing {

inline at::Tensor random_tensor(std::vector<int64_t> sizes, uint64_t seed, double scale = 1.0) {
  Random random(seed, RandomPurpose::selftest);
  at::Tensor x = at::empty(sizes, at::TensorOptions().dtype(at::kFloat));
  float* data = x.mutable_data_ptr<float>();
  for (int64_t i = 0; i < x.numel(); ++i) data[i] = static_cast<float>(random.normal() * scale);
  return x;
}

struct AttentionCase {
  std::string name;
  VisibleKeys visible;
  int64_t heads, groups, head_size;
  AttentionOptions options = {};
};

struct AttentionInputs {
  explicit AttentionInputs(const AttentionCase& c, uint64_t seed = 1)
      : q(random_tensor({c.visible.row_count(), c.heads, c.head_size}, seed)),
        k(random_tensor({c.visible.key_count(), c.groups, c.head_size}, seed + 1)),
        v(random_tensor({c.visible.key_count(), c.groups, c.head_size}, seed + 2)),
        grad_o(random_tensor({c.visible.row_count(), c.heads, c.head_size}, seed + 3)) {}
  at::Tensor q, k, v, grad_o;
};

inline VisibleKeys prefix_lm(const std::vector<int32_t>& lengths, const std::vector<int32_t>& prefixes) {
  return VisibleKeys::packed_prefix_lm(lengths, prefixes);
}
inline VisibleKeys full(const std::vector<int32_t>& lengths) { return VisibleKeys::packed_full(lengths); }
inline VisibleKeys causal(const std::vector<int32_t>& lengths) { return VisibleKeys::packed_causal(lengths); }
// `rows` queries at the end of a cache of `keys`.
inline VisibleKeys after_cache(int32_t rows, int32_t keys) {
  std::vector<int32_t> lo(static_cast<size_t>(rows), 0), hi;
  for (int32_t i = 0; i < rows; ++i) hi.push_back(keys - rows + i + 1);
  return VisibleKeys(lo, hi, keys);
}

inline std::vector<AttentionCase> attention_cases() {
  const AttentionOptions capped{0, 5.0};
  return {
      {"one token", full({1}), 2, 1, 8},
      {"three tokens", causal({3}), 3, 3, 16},
      {"63", causal({63}), 4, 2, 32},
      {"64", full({64}), 2, 2, 64},
      {"65 prefix", prefix_lm({65}, {40}), 6, 2, 72},
      {"113", prefix_lm({113}, {88}), 6, 2, 32},
      {"257 hd256", prefix_lm({257}, {200}), 4, 1, 256},
      {"packed with empty", prefix_lm({0, 5, 0, 33, 1, 80, 0}, {0, 5, 0, 12, 0, 64, 0}), 4, 4, 64},
      {"many heads on one key head", causal({37}), 64, 1, 24},
      {"head size 7", full({21, 30}), 3, 1, 7},
      {"head size 100", causal({50, 9}), 2, 1, 100},
      {"window", causal({300}).windowed(37), 4, 2, 40},
      {"long window", causal({450}).windowed(256), 2, 1, 128},
      {"long full", full({1100}), 2, 1, 8},
      {"cache", after_cache(1, 300), 8, 1, 64},
      {"cache of several", after_cache(7, 129), 4, 2, 256},
      {"blind rows and unseen keys", VisibleKeys({2, 2, 2, 6, 9, 9, 9}, {2, 4, 5, 6, 12, 12, 14}, 20), 2, 1, 16},
      {"capped", prefix_lm({90, 45}, {20, 45}), 4, 2, 64, capped},
      {"capped odd", causal({33}), 2, 2, 20, capped},
      {"own scale", full({40}), 2, 1, 48, {0.3, 0}},
      {"negative scale", causal({40}), 2, 1, 48, {-0.2, 0}},
  };
}

}  // namespace dermis::testing
