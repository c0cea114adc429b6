// The launcher of one head size; decode_<D>.cu instantiates it, so that head sizes compile side by side.
#pragma once

#include "kernels/attention/device/decode.h"
#include "kernels/attention/device/typed.h"
#include "kernels/machine/gpu.cuh"

namespace dermis {

template <class E, int D>
int launch_decode_of(const AttentionDecodeParams<void>& p, void* stream) {
  const auto params = typed<E>(p);
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
