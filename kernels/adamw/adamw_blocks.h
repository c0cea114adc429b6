// AdamW and sums of squares on plain fp32 arrays.
#pragma once

#include <cstdint>

namespace dermis {

// The settings of a step, worked out once a tensor.
struct AdamWFactors {
  float gradient_scale, beta1, one_minus_beta1, beta2, one_minus_beta2;
  float decay;               // 1 - lr weight_decay
  float step_size;           // lr / (1 - beta1^step)
  float inverse_correction;  // 1 / sqrt(1 - beta2^step)
  float eps;
};

struct AdamWKernels {
  void (*update)(float* parameter, const float* gradient, float* first, float* second, int64_t count,
                 const AdamWFactors& factors);
  // In fp64 and in an order that depends on `count` alone, the same for every instruction set.
  double (*sum_of_squares)(const float* x, int64_t count);
};
extern const AdamWKernels kAdamWAvx2, kAdamWAvx512;

}  // namespace dermis
