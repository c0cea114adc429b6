#include "kernels/column_sum/column_sum_kernel.h"
#include "kernels/machine/gpu.cuh"

namespace dermis {

int launch_column_sum(const ColumnSumParams& params, void* stream) {
  if (params.matrices > 2) return cudaErrorInvalidValue;
  return launch_on_gpu<ColumnSumKernel>(column_sum_launch(params), params, stream);
}

}  // namespace dermis
