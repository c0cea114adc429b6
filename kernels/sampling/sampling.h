// The next token of each row of logits: temperature, then top-k, then top-p, then one draw.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace dermis {

struct SamplingOptions {
  double temperature = 0;  // 0: the largest logit, the first of equals
  int64_t top_k = 0;       // 0: off
  double top_p = 1;        // 1: off
};

// logits [B, V] of any floating type and device; uniforms [B] in [0, 1), unread for temperature 0. Tokens are taken in
// the order of their logits, equals by index: the first at which the probabilities, added up, exceed uniform times the
// sum of those kept. On a GPU the CUDA kernel chooses (kernels/sampling/sampling_cuda.h says how it rounds) and only
// the tokens come back, V at most 2^20; elsewhere it is done in fp64 on the CPU.
std::vector<int32_t> sample_tokens(const at::Tensor& logits_BV, std::span<const double> uniforms,
                                   const SamplingOptions& options);

// One row on the CPU, as above.
int32_t sample_token(std::span<const float> logits, double uniform, const SamplingOptions& options);

// [B] log softmax(logits)[token], in fp64 on the CPU and fp32 elsewhere; not finite when the logits are not.
std::vector<double> log_probabilities(const at::Tensor& logits_BV, std::span<const int32_t> tokens);

}  // namespace dermis
