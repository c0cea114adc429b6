#include <cuda_runtime.h>

#include "kernels/attention/device/backward_instances.h"
#include "kernels/attention/device/launchers_backward.h"

namespace dermis {

int launch_attention_backward(ElementType type, int head_size, const AttentionBackwardParams<void>& params,
                              void* stream) {
  switch (head_size) {
    case 64: return launch_backward<64>(type, params, stream);
    case 72: return launch_backward<72>(type, params, stream);
    case 128: return launch_backward<128>(type, params, stream);
    case 256: return launch_backward<256>(type, params, stream);
    default: return cudaErrorInvalidValue;
  }
}

}  // namespace dermis
