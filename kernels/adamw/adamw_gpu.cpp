#include "kernels/adamw/adamw_gpu.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/adamw/adamw_cuda.h"

namespace dermis {
namespace {

// Plain data as bytes on a device.
template <class T>
at::Tensor on_device(const char* op, const std::vector<T>& values, at::Device device) {
  const auto bytes = static_cast<int64_t>(values.size() * sizeof(T));
  const auto wanted = [&] { return fmt::format("a table of {} bytes", bytes); };
  return naming_lack_of_memory(op, wanted, device, [&] {
    const at::Tensor host = at::empty({bytes}, at::TensorOptions().dtype(at::kByte).pinned_memory(device.is_cuda()));
    if (bytes > 0) std::memcpy(host.mutable_data_ptr(), values.data(), static_cast<size_t>(bytes));
    return host.to(device, /*non_blocking=*/true);
  });
}
template <class T>
const T* data_of(const at::Tensor& bytes) {
  return static_cast<const T*>(bytes.const_data_ptr());
}

// tensor_blocks, whose blocks are numbered in 32 bits.
TensorBlocks blocks_of(const char* op, const std::vector<int64_t>& counts, const at::Tensor& first) {
  int64_t blocks = 0;
  for (const int64_t count : counts) blocks += ceil_div(count, kTensorBlock);
  check_kernel_limit(op, "blocks of 16384 numbers", blocks, std::numeric_limits<int32_t>::max(), first,
                     "step fewer tensors at once");
  return tensor_blocks(counts);
}

}  // namespace

void adamw_step_gpu(const CudaModule& module, std::span<const GpuAdamWTensor> tensors) {
  if (tensors.empty()) return;
  std::vector<int64_t> counts;
  for (const GpuAdamWTensor& each : tensors) counts.push_back(each.tensor->parameter.numel());
  const at::Tensor& first = tensors.front().tensor->parameter;
  const TensorBlocks blocks = blocks_of("adamw_step", counts, first);
  std::vector<AdamWTensorEntry> entries;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const AdamWTensor& t = *tensors[i].tensor;
    entries.push_back({.parameter = t.parameter.mutable_data_ptr(),
                       .gradient = t.gradient.const_data_ptr(),
                       .first_moment = t.first_moment.mutable_data_ptr<float>(),
                       .second_moment = t.second_moment.mutable_data_ptr<float>(),
                       .master = t.master.defined() ? t.master.mutable_data_ptr<float>() : nullptr,
                       .count = counts[i],
                       .first_block = blocks.first_block[i],
                       .parameter_type = element_type(t.parameter),
                       .gradient_type = element_type(t.gradient),
                       .factors = tensors[i].factors});
    if (!t.rounding) continue;
    AdamWTensorEntry& entry = entries.back();
    entry.rounding = ParameterRounding::stochastic;
    std::copy(t.rounding->key.begin(), t.rounding->key.end(), entry.key);
    std::copy(t.rounding->start.begin(), t.rounding->start.end(), entry.stream);
  }
  const at::Tensor table = on_device("adamw_step", entries, first.device()),
                   owners = on_device("adamw_step", blocks.tensor_of_block, first.device());
  const AdamWParams params{.tensors = data_of<AdamWTensorEntry>(table),
                           .tensor_of_block = data_of<int32_t>(owners),
                           .blocks = static_cast<int64_t>(blocks.tensor_of_block.size())};
  launch_kernel(
      module, "adamw_step", [&] { return fmt::format("{} tensors", tensors.size()); }, first,
      [&](void* stream) { return module.entries->adamw(params, stream); });
}

double sum_of_squares_gpu(const CudaModule& module, std::span<const at::Tensor> gradients) {
  if (gradients.empty()) return 0;
  std::vector<int64_t> counts;
  for (const at::Tensor& gradient : gradients) counts.push_back(gradient.numel());
  const TensorBlocks blocks = blocks_of("gradient_norm", counts, gradients.front());
  std::vector<GradientEntry> entries;
  for (size_t i = 0; i < gradients.size(); ++i)
    entries.push_back({.data = gradients[i].const_data_ptr(),
                       .count = counts[i],
                       .first_block = blocks.first_block[i],
                       .type = element_type(gradients[i])});
  const at::Device device = gradients.front().device();
  const at::Tensor table = on_device("gradient_norm", entries, device),
                   owners = on_device("gradient_norm", blocks.tensor_of_block, device);
  const auto count = static_cast<int64_t>(blocks.tensor_of_block.size());
  const auto fp64 = at::TensorOptions().dtype(at::kDouble).device(device);
  const at::Tensor partials = device_empty("gradient_norm", {count}, fp64),
                   sum = device_empty("gradient_norm", {1}, fp64);
  const GradientNormParams params{.tensors = data_of<GradientEntry>(table),
                                  .tensor_of_block = data_of<int32_t>(owners),
                                  .partials = partials.mutable_data_ptr<double>(),
                                  .sum_of_squares = sum.mutable_data_ptr<double>(),
                                  .blocks = count};
  launch_kernel(
      module, "gradient_norm", [&] { return fmt::format("{} tensors", gradients.size()); }, gradients.front(),
      [&](void* stream) { return module.entries->gradient_norm(params, stream); });
  return sum.item<double>();
}

}  // namespace dermis
