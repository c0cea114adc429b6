#include "kernels/attention/device/decode_instances.h"
#include "kernels/attention/device/decode_launchers.cuh"

namespace dermis {

template int launch_decode<64>(ElementType, const AttentionDecodeParams<void>&, void*);

}  // namespace dermis
