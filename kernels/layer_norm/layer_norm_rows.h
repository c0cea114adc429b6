// Row kernels of LayerNorm on plain fp32 arrays: rows [rows, width] contiguous.
#pragma once

#include <cstdint>

namespace dermis {

// residual and sum are null together: then x itself is normalised.
struct LayerNormForward {
  const float *x, *residual, *weight, *bias;
  float *sum, *y, *mean, *inverse_deviation;  // mean and inverse_deviation [rows], null together
  int64_t width;
  float eps;
};

// grad_sum: gradient of the sum's other uses, may be null. grad_x gets the whole gradient of the normalised rows.
struct LayerNormBackward {
  const float *x, *weight, *mean, *inverse_deviation, *grad_y, *grad_sum;
  float* grad_x;
  int64_t width;
};

struct LayerNormKernels {
  void (*forward)(const LayerNormForward&, int64_t row_begin, int64_t row_end);
  // Adds the rows' gradients to grad_weight and grad_bias [width] unless they are null (together).
  void (*backward)(const LayerNormBackward&, int64_t row_begin, int64_t row_end, float* grad_weight, float* grad_bias);
};
extern const LayerNormKernels kLayerNormAvx2, kLayerNormAvx512;

}  // namespace dermis
