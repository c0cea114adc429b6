// Column sums of fp32 matrices on the GPU: the second stage of weight and bias gradients, whose first stage leaves a
// row of partial sums a block or team. Always in the same order, so that a gradient does not change from run to run,
// and without atomics.
#pragma once

#include "kernels/machine/machine.h"

namespace dermis {

// Bytes moved: matrices * rows * width * 4. Without rows the sums are zeros. Returns 0 or a cudaError_t.
struct ColumnSumParams {
  const float* partials = nullptr;       // [matrices, rows, width] contiguous
  void* sums[2] = {};                    // [width] of each matrix; a null one is left out
  ElementType type = ElementType::fp32;  // of sums
  int32_t matrices = 1;                  // at most 2
  int64_t rows = 0, width = 0;
};
int launch_column_sum(const ColumnSumParams& params, void* stream);

}  // namespace dermis
