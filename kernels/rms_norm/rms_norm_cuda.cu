#include "kernels/machine/gpu.cuh"
#include "kernels/rms_norm/rms_norm_kernel.h"

namespace dermis {

int launch_rms_norm_forward(const RmsNormForwardParams& params, void* stream) {
  if (params.width > kWidestTeamRow) return cudaErrorInvalidValue;
  return for_element_type(params.type, [&]<class E>(E) {
    return launch_on_gpu<RmsNormForwardKernel<E>>(rms_norm_forward_launch(params), params, stream);
  });
}

int launch_rms_norm_backward(const RmsNormBackwardParams& params, void* stream) {
  if (params.width > kWidestTeamRow) return cudaErrorInvalidValue;
  const int error = for_element_type(params.type, [&]<class E>(E) {
    return launch_on_gpu<RmsNormBackwardKernel<E>>(rms_norm_backward_launch(params), params, stream);
  });
  if (error != cudaSuccess || params.grad_weight == nullptr) return error;
  return launch_column_sum(rms_norm_weight_sum(params), stream);
}

}  // namespace dermis
