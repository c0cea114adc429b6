// Row kernels of RMSNorm on plain fp32 arrays: rows [rows, width] contiguous.
#pragma once

#include <cstdint>

namespace dermis {

// residual and sum are null together: then x itself is normalised.
struct RmsNormForward {
  const float *x, *residual, *weight;
  float *sum, *y, *inverse_rms;  // inverse_rms [rows], may be null
  int64_t width;
  float eps, weight_offset;
};

// grad_sum: gradient of the sum's other uses, may be null. grad_x gets the whole gradient of the normalised rows.
struct RmsNormBackward {
  const float *x, *weight, *inverse_rms, *grad_y, *grad_sum;
  float* grad_x;
  int64_t width;
  float weight_offset;
};

struct RmsNormKernels {
  void (*forward)(const RmsNormForward&, int64_t row_begin, int64_t row_end);
  // Adds the rows' weight gradient to grad_weight [width] unless it is null.
  void (*backward)(const RmsNormBackward&, int64_t row_begin, int64_t row_end, float* grad_weight);
};
extern const RmsNormKernels kRmsNormAvx2, kRmsNormAvx512;

}  // namespace dermis
