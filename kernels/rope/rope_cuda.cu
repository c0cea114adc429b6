#include "kernels/machine/gpu.cuh"
#include "kernels/rope/rope_kernel.h"

namespace dermis {

int launch_rope(const RopeParams& params, void* stream) {
  if (params.head_size % 2 != 0 || rope_pieces(params) > kMostPieces) return cudaErrorInvalidValue;
  return for_element_type(params.type, [&]<class E>(E) {
    return launch_on_gpu<RopeKernel<E>>(elementwise_launch(rope_pieces(params)), params, stream);
  });
}

}  // namespace dermis
