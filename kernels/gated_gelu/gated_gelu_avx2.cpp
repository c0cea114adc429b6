#include "kernels/gated_gelu/gated_gelu_inl.h"

namespace dermis {

const GeluKernels kGeluAvx2 = {gelu_forward, gelu_backward, gated_gelu_forward, gated_gelu_backward};

}  // namespace dermis
