// Rotation of heads on plain fp32 arrays.
#pragma once

#include <cstdint>

namespace dermis {

struct RopeRows {
  const float *x, *cosines, *sines;  // cosines, sines [rows, half] contiguous
  float* y;                          // [rows, heads, 2 half] contiguous
  int64_t row_stride, head_stride;   // of x, in floats
  int64_t heads, half;
  float direction;  // 1 rotates, -1 rotates back
};

struct RopeKernels {
  void (*rotate)(const RopeRows&, int64_t row_begin, int64_t row_end);
};
extern const RopeKernels kRopeAvx2, kRopeAvx512;

}  // namespace dermis
