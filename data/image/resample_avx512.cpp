#if defined(__x86_64__)
// 256-bit vectors all the same: twice the registers keep all sums of a block in place, and no core lowers its clock.
#include "data/image/resample_body.h"

namespace dermis {

const ResampleKernels& avx512_resample_kernels() {
  static constexpr ResampleKernels kKernels{horizontal_rows, vertical_row, split_planes};
  return kKernels;
}

}  // namespace dermis
#endif
