// RMSNorm on the GPU: launchers for kernels/cuda/entries.cu.
#pragma once

#include <cuda_runtime.h>
#include <stdint.h>

namespace dermis {

int launch_rms_norm_forward(const float* x, int64_t x_stride, const float* weight, float* y, int64_t y_stride,
                            float* inverse_rms, int64_t rows, int64_t width, float eps, float weight_offset,
                            void* stream);
int launch_rms_norm_backward(const float* x, int64_t x_stride, const float* weight, const float* inverse_rms,
                             const float* grad_y, int64_t grad_stride, float* grad_x, float* grad_weight_partials,
                             int64_t partial_rows, int64_t rows, int64_t width, float weight_offset, void* stream);

}  // namespace dermis
