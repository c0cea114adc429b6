// Attention out of ATen's operators with a dense T x S mask: what stands in on devices without kernels of our own, and
// what the benchmark compares against.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/attention/attention.h"

namespace dermis {

// Boolean [T, S] on the given device: true where row t sees key s.
at::Tensor dense_mask(const VisibleKeys& visible, at::Device device);

// Differentiable through ATen's own operators. Same shapes and zero rows as attention().
at::Tensor attention_dense(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                           const VisibleKeys& visible, const AttentionOptions& options);
AttentionResult attention_dense_forward(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                                        const VisibleKeys& visible, const AttentionOptions& options);

}  // namespace dermis
