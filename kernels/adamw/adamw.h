// AdamW (arXiv 1711.05101), decoupled decay, over many tensors in one pass; gradient clipping by the global norm folded
// in.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/random.h"

namespace dermis {

struct AdamWSettings {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  double gradient_scale = 1.0;  // what the gradient is multiplied by first (clipping)
  int64_t step = 1;             // counts from 1: bias correction
};

// All four share shape and device, contiguous. Parameter fp32 or bf16 with fp32 moments, or all of them fp64; the
// gradient is any floating type. Updates parameter and moments in place.
// `rounding`, for bf16: rounded up or down with the probability that makes the mean exact, by the numbers of this
// stream, on every device (ParameterRounding::stochastic in adamw_cuda.h). Without it to nearest, and then steps below
// half a unit in the last place are lost.
// `master`, for bf16: an fp32 copy of the parameter, with its shape and device. It is what is updated, and the
// parameter becomes its rounding to nearest.
struct AdamWTensor {
  at::Tensor parameter, gradient, first_moment, second_moment;
  AdamWSettings settings;
  std::optional<RandomStream> rounding = {};
  at::Tensor master = {};
};
void adamw_step(std::span<const AdamWTensor> tensors);

// L2 norm over all gradients, accumulated in fp64 in a fixed order (bit-equal from run to run, for any thread count).
double gradient_norm(std::span<const at::Tensor> gradients);

}  // namespace dermis
