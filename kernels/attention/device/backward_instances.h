// All backward kernels there are: bf16 and fp16, with and without soft-cap, of these head sizes. No CUDA here.
#pragma once

#include "kernels/attention/device/params.h"

namespace dermis {

template <int D>
int launch_backward(ElementType type, const AttentionBackwardParams<void>& p, void* stream);

extern template int launch_backward<64>(ElementType, const AttentionBackwardParams<void>&, void*);
extern template int launch_backward<72>(ElementType, const AttentionBackwardParams<void>&, void*);
extern template int launch_backward<128>(ElementType, const AttentionBackwardParams<void>&, void*);
extern template int launch_backward<256>(ElementType, const AttentionBackwardParams<void>&, void*);

}  // namespace dermis
