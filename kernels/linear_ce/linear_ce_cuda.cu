#include "kernels/linear_ce/linear_ce_kernel.h"
#include "kernels/machine/gpu.cuh"

namespace dermis {

int launch_cross_entropy(const CrossEntropyParams& params, void* stream) {
  if (params.rows * cross_entropy_segments(params.vocabulary) >= int64_t{1} << 31) return cudaErrorInvalidValue;
  return for_element_type(params.type, [&]<class E>(E) {
    const int error = launch_on_gpu<CrossEntropySumsKernel<E>>(cross_entropy_sums_launch(params), params, stream);
    if (error != cudaSuccess) return error;
    return launch_on_gpu<CrossEntropyGradientKernel<E>>(cross_entropy_gradient_launch(params), params, stream);
  });
}

}  // namespace dermis
