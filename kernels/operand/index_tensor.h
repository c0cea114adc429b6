// Row numbers of the host as an int64 tensor, which LibTorch's indexing and our embedding kernels take.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

namespace dermis {

at::Tensor index_tensor(std::span<const int32_t> indices, at::Device device);
at::Tensor index_tensor(std::span<const int64_t> indices, at::Device device);

}  // namespace dermis
