// Tensors as the launchers of row operators take them.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/cuda/cuda_kernels.h"
#include "kernels/machine/elementwise.h"
#include "kernels/machine/team_shape.h"

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

// What kernels of whole rows (norms) and of pieces of eight numbers can count.
inline void check_team_row(const char* op, const at::Tensor& x) {
  check_kernel_limit(op, "numbers a row", x.size(-1), kWidestTeamRow, x, "use narrower rows");
}
inline void check_pieces(const char* op, int64_t rows, int64_t width, const at::Tensor& x) {
  constexpr int64_t kLastColumn = (int64_t{1} << 31) - kEight;  // columns have 32 bits
  check_kernel_limit(op, "numbers a row", width, kLastColumn, x, "use narrower rows");
  check_kernel_limit(op, "pieces of eight numbers", pieces_of(rows, width), kMostPieces, x, "use smaller batches");
}

inline float* fp32_output(const at::Tensor& x) { return x.defined() ? x.mutable_data_ptr<float>() : nullptr; }
inline void* any_output(const at::Tensor& x) { return x.defined() ? x.mutable_data_ptr() : nullptr; }

}  // namespace dermis
