// All forward kernels there are: bf16 and fp16, with and without soft-cap, of these head sizes. No CUDA here.
#pragma once

#include "kernels/attention/device/params.h"

namespace dermis {

template <int D>
int launch_forward(ElementType type, const AttentionForwardParams<void>& p, void* stream);

extern template int launch_forward<64>(ElementType, const AttentionForwardParams<void>&, void*);
extern template int launch_forward<72>(ElementType, const AttentionForwardParams<void>&, void*);
extern template int launch_forward<128>(ElementType, const AttentionForwardParams<void>&, void*);
extern template int launch_forward<256>(ElementType, const AttentionForwardParams<void>&, void*);

}  // namespace dermis
