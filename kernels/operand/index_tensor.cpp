#include "kernels/operand/index_tensor.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace dermis {
namespace {

template <class Int>
at::Tensor copied(std::span<const Int> indices, at::Device device) {
  at::Tensor result = at::empty({static_cast<int64_t>(indices.size())}, at::kLong);
  std::copy(indices.begin(), indices.end(), result.mutable_data_ptr<int64_t>());
  return result.to(device);
}

}  // namespace

at::Tensor index_tensor(std::span<const int32_t> indices, at::Device device) { return copied(indices, device); }
at::Tensor index_tensor(std::span<const int64_t> indices, at::Device device) { return copied(indices, device); }

}  // namespace dermis
