// Attention on fp32 CPU tensors with the vector kernels of one instruction set.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_kernels.h"

namespace dermis {

struct AttentionForwardResult {
  at::Tensor o_THD;
  at::Tensor statistics_2HT;  // per row: base-2 logarithm of the largest weight, sum of the weights relative to it
};
struct AttentionGradients {
  at::Tensor q_THD, k_SGD, v_SGD;
};

// The kernels for this processor, or nullptr when it has neither AVX2 nor AVX-512.
const AttentionKernels* attention_kernels();

// Checked inputs: fp32, CPU, last dimension contiguous.
AttentionForwardResult attention_cpu_forward(const AttentionKernels& kernels, const at::Tensor& q_THD,
                                             const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                                             const VisibleKeys& visible, const AttentionOptions& options);
AttentionGradients attention_cpu_backward(const AttentionKernels& kernels, const at::Tensor& q_THD,
                                          const at::Tensor& k_SGD, const at::Tensor& v_SGD, const VisibleKeys& visible,
                                          const AttentionOptions& options, const AttentionForwardResult& forward,
                                          const at::Tensor& grad_o_THD);

// Natural logarithm of the softmax denominator [H, T]; -inf for rows that see no key.
at::Tensor log_sum_exp(const AttentionForwardResult& forward);

}  // namespace dermis
