#include "kernels/linear_ce/linear_ce_inl.h"

namespace dermis {

const CrossEntropyKernels kCrossEntropyAvx512 = {cross_entropy_row};

}  // namespace dermis
