// LayerNorm of the last dimension: y = (x - mean) / sqrt(var + eps) * w + b. x [..., C], w [C], b [C]. Differentiable.
// C at most 8192 on a GPU.
#pragma once

#include <ATen/core/Tensor.h>

namespace dermis {

at::Tensor layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double eps);

// sum = x + residual, y = layer_norm(sum). Returns {sum, y}.
std::pair<at::Tensor, at::Tensor> add_layer_norm(const at::Tensor& x, const at::Tensor& residual,
                                                 const at::Tensor& weight, const at::Tensor& bias, double eps);

}  // namespace dermis
