// Functions of one number, from the machine's exp2 and reciprocal: to a few units in the last place of fp32.
#pragma once

#include "kernels/machine/machine.h"

namespace dermis {

template <class M>
DERMIS_DEVICE float sigmoid(M& m, float x) {
  return m.reciprocal(1 + m.exp2(-kLog2E * x));
}

// Small arguments by a polynomial (Cephes tanhf): 1 - 2 / (e^2x + 1) would keep few of their digits.
template <class M>
DERMIS_DEVICE float hyperbolic_tangent(M& m, float x) {
  const float z = x * x;
  float series = m.fma(-5.70498872745e-3f, z, 2.06390887954e-2f);
  series = m.fma(series, z, -5.37397155531e-2f);
  series = m.fma(series, z, 1.33314422036e-1f);
  series = m.fma(series, z, -3.33332819422e-1f);
  const float small = m.fma(series * z, x, x);
  const float large = m.fma(-2, m.reciprocal(1 + m.exp2(2 * kLog2E * x)), 1);
  return z < 0.390625f ? small : large;  // |x| < 0.625
}

}  // namespace dermis
