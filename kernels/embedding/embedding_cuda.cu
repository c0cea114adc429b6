#include "kernels/embedding/embedding_kernel.h"
#include "kernels/machine/gpu.cuh"

namespace dermis {

int launch_embedding_forward(const EmbeddingForwardParams& params, void* stream) {
  const int64_t pieces = embedding_forward_pieces(params);
  if (pieces > kMostPieces) return cudaErrorInvalidValue;
  return for_element_type(params.type, [&]<class E>(E) {
    return launch_on_gpu<EmbeddingForwardKernel<E>>(elementwise_launch(pieces), params, stream);
  });
}

int launch_row_sums(const RowSumsParams& params, void* stream) {
  if (params.groups > kMostPieces) return cudaErrorInvalidValue;
  return for_element_type(params.type, [&]<class E>(E) {
    return launch_on_gpu<RowSumsKernel<E>>(row_sums_launch(params), params, stream);
  });
}

}  // namespace dermis
