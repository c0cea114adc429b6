// Rotary position embedding, half rotation (x1, x2 are the two halves of a head): arXiv 2104.09864, Hugging Face's
// layout.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace dermis {

struct RopeTable {
  at::Tensor cos_TD2, sin_TD2;  // fp32 [T, D / 2]
};

// Angles of positions [T]: positions[t] * base^(-2 i / D) / linear_factor.
RopeTable rope_table(std::span<const int32_t> positions, int64_t head_size, double base, double linear_factor = 1.0);

// Rotates every head of x_THD; differentiable in x (the gradient is the inverse rotation).
at::Tensor rope(const at::Tensor& x_THD, const RopeTable& table);

}  // namespace dermis
