// Body of the RMSNorm row kernels for the instruction set of the including file.
#pragma once

#include "kernels/rms_norm/rms_norm_rows.h"
#include "kernels/simd/vec_inl.h"

namespace dermis {
namespace {

void rms_norm_forward(const RmsNormForward& a, int64_t row_begin, int64_t row_end) {
  const int64_t width = a.width;
  const Vec offset = splat(a.weight_offset);
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* x = a.x + row * width;
    Vec squares = splat(0);
    if (a.residual != nullptr) {
      const float* residual = a.residual + row * width;
      float* sum = a.sum + row * width;
      const auto add = [&](int64_t i, auto... tail) {
        const Vec v = load(x + i, tail...) + load(residual + i, tail...);
        store(sum + i, v, tail...);
        squares = fma(v, v, squares);
      };
      for_lanes(width, add, add);
      x = sum;
    } else {
      const auto square = [&](int64_t i, auto... tail) {
        const Vec v = load(x + i, tail...);
        squares = fma(v, v, squares);
      };
      for_lanes(width, square, square);
    }
    const float inverse = 1.0F / __builtin_sqrtf(sum_lanes(squares) / static_cast<float>(width) + a.eps);
    if (a.inverse_rms != nullptr) a.inverse_rms[row] = inverse;
    float* y = a.y + row * width;
    const Vec scale = splat(inverse);
    const auto write = [&](int64_t i, auto... tail) {
      store(y + i, load(x + i, tail...) * scale * (load(a.weight + i, tail...) + offset), tail...);
    };
    for_lanes(width, write, write);
  }
}

// With r = 1 / rms and v = grad_y * (offset + w): grad_x = r v - x r^3 mean(v x).
void rms_norm_backward(const RmsNormBackward& a, int64_t row_begin, int64_t row_end, float* grad_weight) {
  const int64_t width = a.width;
  const Vec offset = splat(a.weight_offset);
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* x = a.x + row * width;
    const float* grad_y = a.grad_y + row * width;
    const float* grad_sum = a.grad_sum == nullptr ? nullptr : a.grad_sum + row * width;
    float* grad_x = a.grad_x + row * width;
    const float inverse = a.inverse_rms[row];
    Vec product = splat(0);
    const auto dot = [&](int64_t i, auto... tail) {
      const Vec v = load(grad_y + i, tail...) * (load(a.weight + i, tail...) + offset);
      product = fma(v, load(x + i, tail...), product);
    };
    for_lanes(width, dot, dot);
    const Vec r = splat(inverse);
    // In fp64, once a row: where the two terms below nearly cancel, its roundings would be most of what is left.
    const double cubed = static_cast<double>(inverse) * inverse * inverse;
    const Vec shrink = splat(static_cast<float>(cubed * sum_lanes(product) / static_cast<double>(width)));
    const auto write = [&](int64_t i, auto... tail) {
      const Vec g = load(grad_y + i, tail...);
      const Vec value = load(x + i, tail...);
      Vec result = g * (load(a.weight + i, tail...) + offset) * r;
      result = fnma(value, shrink, result);
      if (grad_sum != nullptr) result = result + load(grad_sum + i, tail...);
      store(grad_x + i, result, tail...);
      if (grad_weight != nullptr) store(grad_weight + i, fma(g * r, value, load(grad_weight + i, tail...)), tail...);
    };
    for_lanes(width, write, write);
  }
}

}  // namespace
}  // namespace dermis
