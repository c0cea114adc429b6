#include "kernels/gated_gelu/gated_gelu_inl.h"

namespace dermis {

const GeluKernels kGeluAvx2 = {gelu_forward, gelu_backward, gated<GeluTanhVec>(), gated<SiluVec>()};

}  // namespace dermis
