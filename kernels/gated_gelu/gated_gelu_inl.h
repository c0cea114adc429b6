// Body of the activation kernels for the instruction set of the including file. An activation is x times a gate between
// 0 and 1: SiLU's is sigmoid(x); GELU's, with u = sqrt(2 / pi) (x + 0.044715 x^3), is 0.5 (1 + tanh u) = sigmoid(2u),
// which costs one exponential and one division.
#pragma once

#include "kernels/gated_gelu/gated_gelu_rows.h"
#include "kernels/simd/vec_inl.h"

namespace dermis {
namespace {

constexpr float kTwiceRootTwoOverPi = 1.5957691216057308F;
constexpr float kCubic = 0.044715F;

// The gate, and what it lacks to one: a difference would have no bits left where the gate is nearly open.
struct VecGate {
  Vec open, shut;
};

inline VecGate sigmoid_gate(Vec x) {
  const Vec power = vexp(-x);
  const Vec open = splat(1.0F) / (splat(1.0F) + power);
  return {open, power * open};
}

struct GeluTanhVec {
  static VecGate gate(Vec x) {
    return sigmoid_gate(x * fma(x * x, splat(kCubic * kTwiceRootTwoOverPi), splat(kTwiceRootTwoOverPi)));
  }
  // d/dx x s(2u) = s + x s (1 - s) 2u'. Beyond 12 the second term is below every float beside the first; the cube of x
  // would still meet the smallest value of vexp there.
  static Vec slope(Vec x, VecGate gate) {
    const Vec near = vmax(splat(-12.0F), vmin(splat(12.0F), x));
    const Vec inner_slope = fma(near * near, splat(3 * kCubic * kTwiceRootTwoOverPi), splat(kTwiceRootTwoOverPi));
    return fma(near * gate.open * gate.shut, inner_slope, gate.open);
  }
};

struct SiluVec {
  static VecGate gate(Vec x) { return sigmoid_gate(x); }
  // d/dx x s(x) = s + x s (1 - s). Beyond 88, where vexp ends, the second term is nothing.
  static Vec slope(Vec x, VecGate gate) {
    const Vec near = vmax(splat(-88.0F), vmin(splat(88.0F), x));
    return fma(near * gate.open, gate.shut, gate.open);
  }
};

void gelu_forward(const float* x, float* y, int64_t count) {
  const auto write = [&](int64_t i, auto... tail) {
    const Vec v = load(x + i, tail...);
    store(y + i, v * GeluTanhVec::gate(v).open, tail...);
  };
  for_lanes(count, write, write);
}

void gelu_backward(const float* x, const float* grad_y, float* grad_x, int64_t count) {
  const auto write = [&](int64_t i, auto... tail) {
    const Vec v = load(x + i, tail...);
    store(grad_x + i, load(grad_y + i, tail...) * GeluTanhVec::slope(v, GeluTanhVec::gate(v)), tail...);
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
      store(out + i, v * Activation::gate(v).open * load(up + i, tail...), tail...);
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
      const VecGate s = Activation::gate(v);
      store(grad_gate + i, g * load(up + i, tail...) * Activation::slope(v, s), tail...);
      store(grad_up + i, g * v * s.open, tail...);
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
