#include "kernels/adamw/adamw_kernel.h"
#include "kernels/machine/gpu.cuh"

namespace dermis {

int launch_adamw(const AdamWParams& params, void* stream) {
  return launch_on_gpu<AdamWKernel>(adamw_launch(params), params, stream);
}

int launch_gradient_norm(const GradientNormParams& params, void* stream) {
  const int error = launch_on_gpu<GradientSquaresKernel>(gradient_squares_launch(params), params, stream);
  if (error != cudaSuccess) return error;
  return launch_on_gpu<GradientTotalKernel>(gradient_total_launch(), params, stream);
}

}  // namespace dermis
