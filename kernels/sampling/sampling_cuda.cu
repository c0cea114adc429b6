#include "kernels/machine/gpu.cuh"
#include "kernels/sampling/sampling_kernel.h"

namespace dermis {

int launch_sampling(const SamplingParams& params, void* stream) {
  if (params.vocabulary > kLargestSamplingVocabulary) return cudaErrorInvalidValue;
  return for_element_type(params.type, [&]<class E>(E) {
    return launch_on_gpu<SamplingKernel<E>>(sampling_launch(params), params, stream);
  });
}

}  // namespace dermis
