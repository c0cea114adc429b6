// The launcher of one head size; decode_<D>.cu instantiates it, so that head sizes compile side by side.
#pragma once

#include "kernels/attention/device/decode.h"
#include "kernels/attention/device/typed.h"
#include "kernels/machine/gpu.cuh"

namespace dermis {

template <class E>
KeyCache<E> cache_of_elements(const KeyCache<void>& x) {
  return {static_cast<const E*>(x.data), x.block_stride, x.token_stride, x.head_stride};
}

template <class E, int D>
int launch_decode_of(const AttentionDecodeParams<void>& p, void* stream) {
  const AttentionDecodeParams<E> params{.q = as_elements<const E>(p.q),
                                        .o = as_elements<E>(p.o),
                                        .lse = p.lse,
                                        .k = cache_of_elements<E>(p.k),
                                        .v = cache_of_elements<E>(p.v),
                                        .page_table = p.page_table,
                                        .key_begin = p.key_begin,
                                        .key_end = p.key_end,
                                        .partials = p.partials,
                                        .tickets = p.tickets,
                                        .sequences = p.sequences,
                                        .tokens = p.tokens,
                                        .max_pages = p.max_pages,
                                        .H = p.H,
                                        .G = p.G,
                                        .splits = p.splits,
                                        .window = p.window,
                                        .scale = p.scale,
                                        .softcap = p.softcap};
  const Launch launch = decode_launch<D>(p.sequences, p.G, p.splits);
  return p.softcap != 0 ? launch_on_gpu<AttentionDecode<E, D, true>>(launch, params, stream)
                        : launch_on_gpu<AttentionDecode<E, D, false>>(launch, params, stream);
}

template <int D>
int launch_decode(ElementType type, const AttentionDecodeParams<void>& p, void* stream) {
  switch (type) {
    case ElementType::bf16: return launch_decode_of<Bf16, D>(p, stream);
    case ElementType::fp16: return launch_decode_of<Fp16, D>(p, stream);
    default: return cudaErrorInvalidValue;
  }
}

}  // namespace dermis
