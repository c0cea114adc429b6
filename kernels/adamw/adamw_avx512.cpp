#include "kernels/adamw/adamw_inl.h"

namespace dermis {

const AdamWKernels kAdamWAvx512 = {adamw_update, sum_of_squares};

}  // namespace dermis
