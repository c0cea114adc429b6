#include "kernels/attention/device/backward_instances.h"
#include "kernels/attention/device/backward_launchers.cuh"

namespace dermis {

template int launch_backward<72>(ElementType, const AttentionBackwardParams<void>&, void*);

}  // namespace dermis
