// RMSNorm of the last dimension: y = x / sqrt(mean(x^2) + eps) * (offset + w). Gemma uses offset 1, Llama 0.
// x [..., C], w [C]. Differentiable in x and w. Statistics in fp32 (fp64 for fp64). C at most 8192 on a GPU.
// Source: arXiv 1910.07467.
#pragma once

#include <ATen/core/Tensor.h>

namespace dermis {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, double weight_offset = 1.0);

// sum = x + residual, y = rms_norm(sum): the pre-norm residual step in one pass. Returns {sum, y}.
std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& residual,
                                               const at::Tensor& weight, double eps, double weight_offset = 1.0);

}  // namespace dermis
