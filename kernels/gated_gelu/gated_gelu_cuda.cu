#include "kernels/gated_gelu/gated_gelu_kernel.h"
#include "kernels/machine/gpu.cuh"

namespace dermis {
namespace {

// f(E{}, Activation{}).
template <class F>
int for_gate(ElementType type, GateActivation activation, F f) {
  return for_element_type(type, [&]<class E>(E element) {
    return activation == GateActivation::silu ? f(element, Silu{}) : f(element, GeluTanh{});
  });
}

}  // namespace

int launch_gated_forward(const GatedForwardParams& params, void* stream) {
  const int64_t pieces = pieces_of(params.rows, params.width);
  if (pieces > kMostPieces) return cudaErrorInvalidValue;
  return for_gate(params.type, params.activation, [&]<class E, class Activation>(E, Activation) {
    return launch_on_gpu<GatedForwardKernel<E, Activation>>(elementwise_launch(pieces), params, stream);
  });
}

int launch_gated_backward(const GatedBackwardParams& params, void* stream) {
  const int64_t pieces = pieces_of(params.rows, params.width);
  if (pieces > kMostPieces) return cudaErrorInvalidValue;
  return for_gate(params.type, params.activation, [&]<class E, class Activation>(E, Activation) {
    return launch_on_gpu<GatedBackwardKernel<E, Activation>>(elementwise_launch(pieces), params, stream);
  });
}

int launch_gelu_forward(const GeluForwardParams& params, void* stream) {
  const int64_t pieces = pieces_of(1, params.count);
  if (pieces > kMostPieces) return cudaErrorInvalidValue;
  return for_element_type(params.type, [&]<class E>(E) {
    return launch_on_gpu<GeluForwardKernel<E>>(elementwise_launch(pieces), params, stream);
  });
}

int launch_gelu_backward(const GeluBackwardParams& params, void* stream) {
  const int64_t pieces = pieces_of(1, params.count);
  if (pieces > kMostPieces) return cudaErrorInvalidValue;
  return for_element_type(params.type, [&]<class E>(E) {
    return launch_on_gpu<GeluBackwardKernel<E>>(elementwise_launch(pieces), params, stream);
  });
}

}  // namespace dermis
