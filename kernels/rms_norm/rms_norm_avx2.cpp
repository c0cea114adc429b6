#include "kernels/rms_norm/rms_norm_inl.h"

namespace dermis {

const RmsNormKernels kRmsNormAvx2 = {rms_norm_forward, rms_norm_backward};

}  // namespace dermis
