#include "kernels/rope/rope_inl.h"

namespace dermis {

const RopeKernels kRopeAvx2 = {rope_rotate};

}  // namespace dermis
