// Bodies of the activation kernels: a thread takes eight numbers.
#pragma once

#include <cmath>

#include "kernels/gated_gelu/gated_gelu_cuda.h"
#include "kernels/machine/elementwise.h"
#include "kernels/machine/functions.h"

namespace dermis {

// sigmoid(a) and sigmoid(-a) = 1 - sigmoid(a), of which the smaller keeps its digits, too.
struct Gates {
  float gate, rest;

  template <class M>
  DERMIS_DEVICE static Gates of(M& m, float a) {
    const float power = m.exp2(-kLog2E * fabsf(a)), larger = m.reciprocal(1 + power), smaller = power * larger;
    return a < 0 ? Gates{smaller, larger} : Gates{larger, smaller};
  }
};

// An activation is x sigmoid(argument(x)); slope() is its derivative, given the gates at the argument.
//
// With u = sqrt(2 / pi) (x + 0.044715 x^3): 0.5 x (1 + tanh u) = x sigmoid(2u), one exponential and one reciprocal.
struct GeluTanh {
  static constexpr float kTwiceRootTwoOverPi = 1.5957691216057308f;
  static constexpr float kCubic = 0.044715f;
  static constexpr float kFar = 12;  // one of the gates is 0 in fp32 from here on

  template <class M>
  DERMIS_DEVICE static float argument(M& m, float x) {
    return x * m.fma(x * x, kCubic * kTwiceRootTwoOverPi, kTwiceRootTwoOverPi);
  }
  template <class M>
  DERMIS_DEVICE static float slope(M& m, float x, Gates at) {
    const float near = fmaxf(-kFar, fminf(kFar, x));  // no infinity times zero for large x
    const float inner = m.fma(near * near, 3 * kCubic * kTwiceRootTwoOverPi, kTwiceRootTwoOverPi);
    return m.fma(near * at.gate * at.rest, inner, at.gate);
  }
};

struct Silu {
  template <class M>
  DERMIS_DEVICE static float argument(M&, float x) {
    return x;
  }
  template <class M>
  DERMIS_DEVICE static float slope(M& m, float x, Gates at) {
    return m.fma(x * at.gate, at.rest, at.gate);
  }
};

template <class E, class Activation>
struct GatedForwardKernel : ElementwiseShape {
  using Params = GatedForwardParams;

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const uint32_t index = piece_index(m);
    if (index >= pieces_of(p.rows, p.width)) return;
    const MatrixPiece piece(index, p.width);
    float gate[kEight], up[kEight];
    Rows<const E>(p.gate, p.width).row(piece.row).load(m, piece.column, gate);
    Rows<const E>(p.up, p.width).row(piece.row).load(m, piece.column, up);
    DERMIS_UNROLL
    for (int i = 0; i < kEight; ++i) gate[i] *= sigmoid(m, Activation::argument(m, gate[i])) * up[i];
    Rows<E>(p.y, p.width).row(piece.row).store(m, piece.column, gate);
  }
};

template <class E, class Activation>
struct GatedBackwardKernel : ElementwiseShape {
  using Params = GatedBackwardParams;

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const uint32_t index = piece_index(m);
    if (index >= pieces_of(p.rows, p.width)) return;
    const MatrixPiece piece(index, p.width);
    float gate[kEight], up[kEight], grad[kEight];
    Rows<const E>(p.gate, p.width).row(piece.row).load(m, piece.column, gate);
    Rows<const E>(p.up, p.width).row(piece.row).load(m, piece.column, up);
    Rows<const E>(p.grad_y, p.width).row(piece.row).load(m, piece.column, grad);
    DERMIS_UNROLL
    for (int i = 0; i < kEight; ++i) {
      const float x = gate[i];
      const Gates at = Gates::of(m, Activation::argument(m, x));
      gate[i] = grad[i] * up[i] * Activation::slope(m, x, at);
      up[i] = grad[i] * x * at.gate;
    }
    Rows<E>(p.grad_gate, p.width).row(piece.row).store(m, piece.column, gate);
    Rows<E>(p.grad_up, p.width).row(piece.row).store(m, piece.column, up);
  }
};

template <class E>
struct GeluForwardKernel : ElementwiseShape {
  using Params = GeluForwardParams;

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const uint32_t index = piece_index(m);
    if (index >= pieces_of(1, p.count)) return;
    float x[kEight];
    array_piece(static_cast<const E*>(p.x), p.count, index).load(m, 0, x);
    DERMIS_UNROLL
    for (float& v : x) v *= sigmoid(m, GeluTanh::argument(m, v));
    array_piece(static_cast<E*>(p.y), p.count, index).store(m, 0, x);
  }
};

template <class E>
struct GeluBackwardKernel : ElementwiseShape {
  using Params = GeluBackwardParams;

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const uint32_t index = piece_index(m);
    if (index >= pieces_of(1, p.count)) return;
    float x[kEight], grad[kEight];
    array_piece(static_cast<const E*>(p.x), p.count, index).load(m, 0, x);
    array_piece(static_cast<const E*>(p.grad_y), p.count, index).load(m, 0, grad);
    DERMIS_UNROLL
    for (int i = 0; i < kEight; ++i) grad[i] *= GeluTanh::slope(m, x[i], Gates::of(m, GeluTanh::argument(m, x[i])));
    array_piece(static_cast<E*>(p.grad_x), p.count, index).store(m, 0, grad);
  }
};

}  // namespace dermis
