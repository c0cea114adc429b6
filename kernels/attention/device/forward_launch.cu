#include <cuda_runtime.h>

#include "kernels/attention/device/forward_instances.h"
#include "kernels/attention/device/launchers.h"

namespace dermis {

int launch_attention_forward(ElementType type, int head_size, const AttentionForwardParams<void>& params,
                             void* stream) {
  switch (head_size) {
    case 64: return launch_forward<64>(type, params, stream);
    case 72: return launch_forward<72>(type, params, stream);
    case 128: return launch_forward<128>(type, params, stream);
    case 256: return launch_forward<256>(type, params, stream);
    default: return cudaErrorInvalidValue;
  }
}

}  // namespace dermis
