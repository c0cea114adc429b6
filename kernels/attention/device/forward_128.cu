#include "kernels/attention/device/forward_instances.h"
#include "kernels/attention/device/forward_launchers.cuh"

namespace dermis {

template int launch_forward<128>(ElementType, const AttentionForwardParams<void>&, void*);

}  // namespace dermis
