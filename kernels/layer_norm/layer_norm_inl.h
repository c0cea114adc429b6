// Body of the LayerNorm row kernels for the instruction set of the including file.
#pragma once

#include "kernels/layer_norm/layer_norm_rows.h"
#include "kernels/simd/vec_inl.h"

namespace dermis {
namespace {

inline Vec keep_lanes(Vec v) { return v; }
inline Vec keep_lanes(Vec v, Tail tail) { return keep(v, tail); }

void layer_norm_forward(const LayerNormForward& a, int64_t row_begin, int64_t row_end) {
  const int64_t width = a.width;
  const auto count = static_cast<float>(width);
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* x = a.x + row * width;
    Vec total = splat(0);
    if (a.residual != nullptr) {
      const float* residual = a.residual + row * width;
      float* sum = a.sum + row * width;
      const auto add = [&](int64_t i, auto... tail) {
        const Vec v = load(x + i, tail...) + load(residual + i, tail...);
        store(sum + i, v, tail...);
        total = total + v;
      };
      for_lanes(width, add, add);
      x = sum;
    } else {
      const auto add = [&](int64_t i, auto... tail) { total = total + load(x + i, tail...); };
      for_lanes(width, add, add);
    }
    const float mean = sum_lanes(total) / count;
    const Vec shift = splat(mean);
    Vec squares = splat(0);
    // Deviations rather than a sum of squares: rows whose mean is far from zero keep their digits.
    const auto deviate = [&](int64_t i, auto... tail) {
      const Vec v = keep_lanes(load(x + i, tail...) - shift, tail...);
      squares = fma(v, v, squares);
    };
    for_lanes(width, deviate, deviate);
    const float inverse = 1.0F / __builtin_sqrtf(sum_lanes(squares) / count + a.eps);
    if (a.mean != nullptr) {
      a.mean[row] = mean;
      a.inverse_deviation[row] = inverse;
    }
    float* y = a.y + row * width;
    const Vec scale = splat(inverse);
    const auto write = [&](int64_t i, auto... tail) {
      const Vec normal = (load(x + i, tail...) - shift) * scale;
      store(y + i, fma(normal, load(a.weight + i, tail...), load(a.bias + i, tail...)), tail...);
    };
    for_lanes(width, write, write);
  }
}

// With n = (x - mean) r and v = grad_y w: grad_x = r (v - mean(v) - n mean(v n)).
void layer_norm_backward(const LayerNormBackward& a, int64_t row_begin, int64_t row_end, float* grad_weight,
                         float* grad_bias) {
  const int64_t width = a.width;
  const auto count = static_cast<float>(width);
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* x = a.x + row * width;
    const float* grad_y = a.grad_y + row * width;
    const float* grad_sum = a.grad_sum == nullptr ? nullptr : a.grad_sum + row * width;
    float* grad_x = a.grad_x + row * width;
    const Vec shift = splat(a.mean[row]);
    const Vec r = splat(a.inverse_deviation[row]);
    Vec total = splat(0);
    Vec product = splat(0);
    const auto dot = [&](int64_t i, auto... tail) {
      const Vec v = load(grad_y + i, tail...) * load(a.weight + i, tail...);
      total = total + v;
      product = fma(v, (load(x + i, tail...) - shift) * r, product);
    };
    for_lanes(width, dot, dot);
    const Vec mean_v = splat(sum_lanes(total) / count);
    const Vec mean_vn = splat(sum_lanes(product) / count);
    const auto write = [&](int64_t i, auto... tail) {
      const Vec g = load(grad_y + i, tail...);
      const Vec normal = (load(x + i, tail...) - shift) * r;
      Vec result = fma(g, load(a.weight + i, tail...), -mean_v);
      result = fnma(normal, mean_vn, result) * r;
      if (grad_sum != nullptr) result = result + load(grad_sum + i, tail...);
      store(grad_x + i, result, tail...);
      if (grad_weight != nullptr) {
        store(grad_weight + i, fma(g, normal, load(grad_weight + i, tail...)), tail...);
        store(grad_bias + i, g + load(grad_bias + i, tail...), tail...);
      }
    };
    for_lanes(width, write, write);
  }
}

}  // namespace
}  // namespace dermis
