#include "kernels/image_normalise/image_normalise_kernel.h"
#include "kernels/machine/gpu.cuh"

namespace dermis {

int launch_image_normalise(const ImageNormaliseParams& params, void* stream) {
  const int64_t pieces = image_normalise_pieces(params);
  if (pieces > kMostPieces) return cudaErrorInvalidValue;
  return for_element_type(params.type, [&]<class E>(E) {
    return launch_on_gpu<ImageNormaliseKernel<E>>(elementwise_launch(pieces), params, stream);
  });
}

}  // namespace dermis
