// Body of the activation kernels for the instruction set of the including file. An activation is x sigmoid(a(x)): SiLU
// with a = x; GELU, 0.5 x (1 + tanh u) with u = sqrt(2 / pi) (x + 0.044715 x^3), with a = 2u. That costs one
// exponential and one division.
#pragma once

#include "kernels/gated_gelu/gated_gelu_rows.h"
#include "kernels/simd/vec_inl.h"

namespace dermis {
namespace {

constexpr float kTwiceRootTwoOverPi = 1.5957691216057308F;
constexpr float kCubic = 0.044715F;

// argument(-|x|) from |x|, and the slope of the argument. kFar: from here on the activation is x or nothing in fp32,
// and vexp at its end.
struct GeluTanhVec {
  static constexpr float kFar = 12;
  static Vec negative_argument(Vec size) {
    return size * fma(size * size, splat(-kCubic * kTwiceRootTwoOverPi), splat(-kTwiceRootTwoOverPi));
  }
  static Vec argument_slope(Vec x) {
    return fma(x * x, splat(3 * kCubic * kTwiceRootTwoOverPi), splat(kTwiceRootTwoOverPi));
  }
};

struct SiluVec {
  static constexpr float kFar = 88;
  static Vec negative_argument(Vec size) { return -size; }
  static Vec argument_slope(Vec) { return splat(1.0F); }
};

// x s(a) = max(x, 0) - |x| s(-|a|): the smaller of the two gates keeps its digits, while those of the larger one, close
// to one, are not needed.
template <class Activation>
inline Vec activated(Vec x, Vec size, Vec smaller_gate) {
  return fnma(vmin(splat(Activation::kFar), size), smaller_gate, vmax(splat(0), x));
}
template <class Activation>
inline Vec activated(Vec x) {
  const Vec size = vabs(x), power = vexp(Activation::negative_argument(size));
  return activated<Activation>(x, size, power / (splat(1.0F) + power));
}

struct ActivationAndSlope {
  Vec value, slope;
};
template <class Activation>
inline ActivationAndSlope with_slope(Vec x) {
  const Vec size = vabs(x), power = vexp(Activation::negative_argument(size));
  const Vec larger = splat(1.0F) / (splat(1.0F) + power), smaller = power * larger;
  // d/dx x s(a) = s(a) + x s(a) s(-a) a'.
  const Vec near = vmax(splat(-Activation::kFar), vmin(splat(Activation::kFar), x));
  const Vec slope = fma(near * smaller * larger, Activation::argument_slope(near), where_negative(x, smaller, larger));
  return {activated<Activation>(x, size, smaller), slope};
}

void gelu_forward(const float* x, float* y, int64_t count) {
  const auto write = [&](int64_t i, auto... tail) {
    const Vec v = load(x + i, tail...);
    store(y + i, activated<GeluTanhVec>(v), tail...);
  };
  for_lanes(count, write, write);
}

void gelu_backward(const float* x, const float* grad_y, float* grad_x, int64_t count) {
  const auto write = [&](int64_t i, auto... tail) {
    const Vec v = load(x + i, tail...);
    store(grad_x + i, load(grad_y + i, tail...) * with_slope<GeluTanhVec>(v).slope, tail...);
  };
  for_lanes(count, write, write);
}

template <class Activation>
void gated_forward(const float* gate_up, float* y, int64_t width, int64_t row_begin, int64_t row_end) {
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* gate = gate_up + row * 2 * width;
    const float* up = gate + width;
    float* out = y + row * width;
    const auto write = [&](int64_t i, auto... tail) {
      const Vec v = load(gate + i, tail...);
      store(out + i, activated<Activation>(v) * load(up + i, tail...), tail...);
    };
    for_lanes(width, write, write);
  }
}

template <class Activation>
void gated_backward(const float* gate_up, const float* grad_y, float* grad_gate_up, int64_t width, int64_t row_begin,
                    int64_t row_end) {
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* gate = gate_up + row * 2 * width;
    const float* up = gate + width;
    const float* grad = grad_y + row * width;
    float* grad_gate = grad_gate_up + row * 2 * width;
    float* grad_up = grad_gate + width;
    const auto write = [&](int64_t i, auto... tail) {
      const Vec v = load(gate + i, tail...);
      const Vec g = load(grad + i, tail...);
      const ActivationAndSlope at = with_slope<Activation>(v);
      store(grad_gate + i, g * load(up + i, tail...) * at.slope, tail...);
      store(grad_up + i, g * at.value, tail...);
    };
    for_lanes(width, write, write);
  }
}

template <class Activation>
constexpr GatedKernels gated() {
  return {gated_forward<Activation>, gated_backward<Activation>};
}

}  // namespace
}  // namespace dermis
