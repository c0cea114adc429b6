// The launcher of one head size; forward_<D>.cu instantiates it, so that head sizes compile side by side.
#pragma once

#include "kernels/attention/device/forward.h"
#include "kernels/attention/device/typed.h"
#include "kernels/machine/gpu.cuh"

namespace dermis {

template <class E, int D>
int launch_forward_of(const AttentionForwardParams<void>& p, void* stream) {
  const auto params = typed<E>(p);
  const Launch launch = forward_launch<D>(p.T, p.H, p.G);
  return p.softcap != 0 ? launch_on_gpu<AttentionForward<E, D, true>>(launch, params, stream)
                        : launch_on_gpu<AttentionForward<E, D, false>>(launch, params, stream);
}

template <int D>
int launch_forward(ElementType type, const AttentionForwardParams<void>& p, void* stream) {
  switch (type) {
    case ElementType::bf16: return launch_forward_of<Bf16, D>(p, stream);
    case ElementType::fp16: return launch_forward_of<Fp16, D>(p, stream);
    default: return cudaErrorInvalidValue;
  }
}

}  // namespace dermis
