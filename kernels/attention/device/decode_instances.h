// All decode kernels there are: bf16 and fp16, with and without soft-cap, of these head sizes. No CUDA here.
#pragma once

#include "kernels/attention/device/decode_launch.h"

namespace dermis {

template <int D>
int launch_decode(ElementType type, const AttentionDecodeParams<void>& p, void* stream);

extern template int launch_decode<64>(ElementType, const AttentionDecodeParams<void>&, void*);
extern template int launch_decode<72>(ElementType, const AttentionDecodeParams<void>&, void*);
extern template int launch_decode<128>(ElementType, const AttentionDecodeParams<void>&, void*);
extern template int launch_decode<256>(ElementType, const AttentionDecodeParams<void>&, void*);

}  // namespace dermis
