// AdamW and gradient norm of tensors on one GPU with the CUDA kernels: all tensors in one launch.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "kernels/adamw/adamw.h"
#include "kernels/adamw/adamw_blocks.h"
#include "kernels/cuda/cuda_kernels.h"

namespace dermis {

struct GpuAdamWTensor {
  const AdamWTensor* tensor;  // checked; parameter fp32 or bf16, moments fp32, gradient fp32, bf16 or fp16
  AdamWFactors factors;
};
void adamw_step_gpu(const CudaModule& module, std::span<const GpuAdamWTensor> tensors);

// Sum of the squares of all gradients (fp32, bf16 or fp16, contiguous); waits for the device.
double sum_of_squares_gpu(const CudaModule& module, std::span<const at::Tensor> gradients);

}  // namespace dermis
