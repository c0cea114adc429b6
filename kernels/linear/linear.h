// Dense layer y = x W^T (+ b). x [..., C], W [F, C] as Hugging Face stores it, b [F]. Returns [..., F].
// W and b of another floating type are rounded to x's; their gradients come back in their own. Differentiable in x, W
// and b. LibTorch's product throughout: an autograd function of our own around it showed no
// gain beyond the noise at the shapes of nano. Projections that share their input gain by sharing one W instead.
#pragma once

#include <ATen/core/Tensor.h>

namespace dermis {

at::Tensor dense(const at::Tensor& x, const at::Tensor& weight);
at::Tensor dense(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

}  // namespace dermis
