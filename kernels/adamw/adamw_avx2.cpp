#include "kernels/adamw/adamw_inl.h"

namespace dermis {

const AdamWKernels kAdamWAvx2 = {adamw_update, sum_of_squares};

}  // namespace dermis
