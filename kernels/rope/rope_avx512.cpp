#include "kernels/rope/rope_inl.h"

namespace dermis {

const RopeKernels kRopeAvx512 = {rope_rotate};

}  // namespace dermis
