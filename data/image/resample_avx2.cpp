#if defined(__x86_64__)
#include "data/image/resample_body.h"

namespace dermis {

const ResampleKernels& avx2_resample_kernels() {
  static constexpr ResampleKernels kKernels{horizontal_rows, vertical_row, split_planes};
  return kKernels;
}

}  // namespace dermis
#endif
