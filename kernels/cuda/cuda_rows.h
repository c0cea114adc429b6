// Tensors as the launchers of row operators take them.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cuda/cuda_kernels.h"
#include "kernels/machine/matrix.h"

namespace dermis {

// Which of our implementations serves a tensor: the CPU's vector kernels or the module of a GPU. Neither: LibTorch's.
template <class CpuKernels>
struct Backend {
  const CpuKernels* cpu = nullptr;
  const CudaModule* cuda = nullptr;
  explicit operator bool() const { return cpu != nullptr || cuda != nullptr; }
};

// Contiguous [..., C]; undefined: null.
inline InputRows input_rows(const at::Tensor& x) {
  return x.defined() ? InputRows{x.const_data_ptr(), x.size(-1)} : InputRows{};
}
inline OutputRows output_rows(const at::Tensor& x) {
  return x.defined() ? OutputRows{x.mutable_data_ptr(), x.size(-1)} : OutputRows{};
}
inline float* fp32_output(const at::Tensor& x) { return x.defined() ? x.mutable_data_ptr<float>() : nullptr; }
inline void* any_output(const at::Tensor& x) { return x.defined() ? x.mutable_data_ptr() : nullptr; }

}  // namespace dermis
