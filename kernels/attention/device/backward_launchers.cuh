// The launcher of one head size; backward_<D>.cu instantiates it, so that head sizes compile side by side.
#pragma once

#include "kernels/attention/device/backward_keys.h"
#include "kernels/attention/device/backward_launch.h"
#include "kernels/attention/device/backward_row_statistics.h"
#include "kernels/attention/device/backward_rows.h"
#include "kernels/attention/device/typed.h"
#include "kernels/machine/gpu.cuh"

namespace dermis {

template <class E, int D, bool Softcap>
int launch_backward_kernels(const BackwardKernelParams<E>& p, void* stream) {
  using Statistics = AttentionRowStatistics<E, D>;
  using Keys = AttentionKeysGradient<E, D, Softcap>;
  using Rows = AttentionRowsGradient<E, D, Softcap>;
  int error = launch_on_gpu<Statistics>(row_statistics_launch<Statistics>(p.T, p.H), p, stream);
  if (error == 0) error = launch_on_gpu<Keys>(keys_gradient_launch<Keys>(p.S, p.G), p, stream);
  if (error == 0) error = launch_on_gpu<Rows>(rows_gradient_launch<Rows>(p.T, p.H, p.G), p, stream);
  return error;
}
template <class E, int D>
int launch_backward_of(const BackwardKernelParams<E>& p, void* stream) {
  return p.softcap != 0 ? launch_backward_kernels<E, D, true>(p, stream)
                        : launch_backward_kernels<E, D, false>(p, stream);
}

template <int D>
int launch_backward(ElementType type, const AttentionBackwardParams<void>& p, void* stream) {
  switch (type) {
    case ElementType::bf16: return launch_backward_of<Bf16, D>(backward_kernel_params(typed<Bf16>(p)), stream);
    case ElementType::fp16: return launch_backward_of<Fp16, D>(backward_kernel_params(typed<Fp16>(p)), stream);
    default: return cudaErrorInvalidValue;
  }
}

}  // namespace dermis
