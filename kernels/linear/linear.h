// Dense layer y = x W^T (+ b). x [..., C], W [F, C] as Hugging Face stores it, b [F]. Returns [..., F].
// Differentiable in x, W and b. LibTorch's product throughout: an autograd function of our own around it measured no
// faster, forward and backward, at any width of the presets; projections that share their input share one W instead.
#pragma once

#include <ATen/core/Tensor.h>

namespace dermis {

at::Tensor dense(const at::Tensor& x, const at::Tensor& weight);
at::Tensor dense(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace dermis
