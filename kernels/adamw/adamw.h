// AdamW (arXiv 1711.05101), decoupled decay, over many tensors in one pass; gradient clipping by the global norm folded
// in.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace dermis {

struct AdamWSettings {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  double gradient_scale = 1.0;  // what the gradient is multiplied by first (clipping)
  int64_t step = 1;             // counts from 1: bias correction
};

// All four share shape and device, contiguous; parameter and moments fp32. Updates parameter and moments in place.
struct AdamWTensor {
  at::Tensor parameter, gradient, first_moment, second_moment;
  AdamWSettings settings;
};
void adamw_step(std::span<const AdamWTensor> tensors);

// L2 norm over all gradients, accumulated in fp64 in a fixed order (bit-equal from run to run, for any thread count).
double gradient_norm(std::span<const at::Tensor> gradients);

}  // namespace dermis
