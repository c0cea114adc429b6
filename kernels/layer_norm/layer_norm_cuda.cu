#include "kernels/layer_norm/layer_norm_kernel.h"
#include "kernels/machine/gpu.cuh"

namespace dermis {

int launch_layer_norm_forward(const LayerNormForwardParams& params, void* stream) {
  if (params.width > kWidestTeamRow) return cudaErrorInvalidValue;
  return for_element_type(params.type, [&]<class E>(E) {
    return launch_on_gpu<LayerNormForwardKernel<E>>(layer_norm_forward_launch(params), params, stream);
  });
}

int launch_layer_norm_backward(const LayerNormBackwardParams& params, void* stream) {
  if (params.width > kWidestTeamRow) return cudaErrorInvalidValue;
  const int error = for_element_type(params.type, [&]<class E>(E) {
    return launch_on_gpu<LayerNormBackwardKernel<E>>(layer_norm_backward_launch(params), params, stream);
  });
  if (error != cudaSuccess || (params.grad_weight == nullptr && params.grad_bias == nullptr)) return error;
  return launch_column_sum(layer_norm_weight_sum(params), stream);
}

}  // namespace dermis
