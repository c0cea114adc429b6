// Token by token generation with a KV cache, and the likelihood of given answers.
#pragma once

#include <functional>
#include <vector>

#include "core/contract.h"
#include "models/vlm.h"

namespace dermis {

struct GenerateOptions {
  int max_new_tokens = 64;
  double temperature = 0;  // 0: greedy
  int top_k = 0;           // 0: off
  double top_p = 1.0;
  uint64_t seed = 0;  // draws are keyed by (seed, sequence index, step)
};

struct Generated {
  std::vector<int32_t> tokens;  // without eos
  bool finished = false;        // eos was reached; false: cut at max_new_tokens
  double log_likelihood = 0;    // sum over tokens (eos included) under the model, temperature 1
};

// One Generated per sequence of the batch (prompts only: prefix without answer). `on_token` (may be empty) is called as
// (sequence, token) right after each is chosen and returns false to stop that sequence.
std::vector<Generated> generate(const Vlm& model, const Batch& prompts, const GenerateOptions& options,
                                const std::function<bool(int, int32_t)>& on_token = {});

// log p(answer | prompt) of every labelled sequence of the batch: sum over its label rows. Order of batch.sample_ids.
std::vector<double> sequence_log_likelihoods(const Vlm& model, const Batch& batch, const at::Tensor& features = {});

}  // namespace dermis
