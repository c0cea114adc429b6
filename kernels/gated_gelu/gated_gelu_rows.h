// GELU and SiLU on plain fp32 arrays.
#pragma once

#include <cstdint>

namespace dermis {

// activation(gate) * up: rows of gate_up [rows, 2 width] and y [rows, width].
struct GatedKernels {
  void (*forward)(const float* gate_up, float* y, int64_t width, int64_t row_begin, int64_t row_end);
  void (*backward)(const float* gate_up, const float* grad_y, float* grad_gate_up, int64_t width, int64_t row_begin,
                   int64_t row_end);
};

struct GeluKernels {
  void (*forward)(const float* x, float* y, int64_t count);
  void (*backward)(const float* x, const float* grad_y, float* grad_x, int64_t count);
  GatedKernels gelu, silu;
};
extern const GeluKernels kGeluAvx2, kGeluAvx512;

}  // namespace dermis
