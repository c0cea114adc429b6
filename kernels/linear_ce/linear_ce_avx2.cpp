#include "kernels/linear_ce/linear_ce_inl.h"

namespace dermis {

const CrossEntropyKernels kCrossEntropyAvx2 = {cross_entropy_row};

}  // namespace dermis
