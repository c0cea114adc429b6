// Cross-entropy of a linear head without the [L, vocabulary] logits: chunks of rows and an online softmax, the gradient
// taken in the same pass. loss = sum_l weight[l] * -log softmax(x[l] W^T)[label[l]] / divisor.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace dermis {

struct LinearCeOptions {
  double divisor = 1.0;      // global number of target tokens, over ranks and micro-steps
  double final_softcap = 0;  // Gemma 2: cap * tanh(logit / cap); 0: none
};

// x_LC [L, C], weight_VC [V, C] (the tied embedding; of another floating type it is rounded to x's). Returns the scalar
// loss; differentiable in x and weight.
at::Tensor linear_cross_entropy(const at::Tensor& x_LC, const at::Tensor& weight_VC, std::span<const int32_t> labels,
                                std::span<const float> label_weights, const LinearCeOptions& options = {});

}  // namespace dermis
