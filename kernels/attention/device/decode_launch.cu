#include <cuda_runtime.h>

#include "kernels/attention/device/decode_instances.h"
#include "kernels/attention/device/launchers.h"

namespace dermis {

int launch_attention_decode(ElementType type, int head_size, const AttentionDecodeParams<void>& params, void* stream) {
  if (params.tokens * (params.H / params.G) > kDecodeMaxRows) return cudaErrorInvalidValue;
  switch (head_size) {
    case 64: return launch_decode<64>(type, params, stream);
    case 72: return launch_decode<72>(type, params, stream);
    case 128: return launch_decode<128>(type, params, stream);
    case 256: return launch_decode<256>(type, params, stream);
    default: return cudaErrorInvalidValue;
  }
}

}  // namespace dermis
