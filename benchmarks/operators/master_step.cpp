#include <ATen/ATen.h>

#include <cstring>

#include "benchmarks/operators/optimizer.h"
#include "kernels/adamw/adamw_cuda.h"
#include "kernels/adamw/adamw_factors.h"
#include "kernels/cuda/cuda_kernels.h"

namespace dermis {
namespace {

template <class T>
at::Tensor bytes_on(const std::vector<T>& values, at::Device device) {
  const at::Tensor host = at::empty({static_cast<int64_t>(values.size() * sizeof(T))}, at::kByte);
  std::memcpy(host.mutable_data_ptr(), values.data(), values.size() * sizeof(T));
  return host.to(device);
}

}  // namespace

OptimizerStep master_step(const CudaModule& module, const OptimizerState& state, const AdamWSettings& settings) {
  std::vector<int64_t> counts;
  for (const at::Tensor& parameter : state.parameters) counts.push_back(parameter.numel());
  const TensorBlocks blocks = tensor_blocks(counts);
  std::vector<AdamWTensorEntry> entries;
  for (size_t i = 0; i < counts.size(); ++i)
    entries.push_back({.parameter = state.parameters[i].mutable_data_ptr(),
                       .gradient = state.gradients[i].const_data_ptr(),
                       .first_moment = state.first[i].mutable_data_ptr<float>(),
                       .second_moment = state.second[i].mutable_data_ptr<float>(),
                       .master = state.masters[i].mutable_data_ptr<float>(),
                       .count = counts[i],
                       .first_block = blocks.first_block[i],
                       .parameter_type = element_type(state.parameters[i]),
                       .gradient_type = element_type(state.gradients[i]),
                       .factors = adamw_factors(settings)});
  const at::Tensor& first = state.parameters.front();
  const at::Tensor table = bytes_on(entries, first.device()), owners = bytes_on(blocks.tensor_of_block, first.device());
  const AdamWParams params{.tensors = static_cast<const AdamWTensorEntry*>(table.const_data_ptr()),
                           .tensor_of_block = static_cast<const int32_t*>(owners.const_data_ptr()),
                           .blocks = static_cast<int64_t>(blocks.tensor_of_block.size())};
  // The tables, and the tensors whose addresses stand in them, live as long as the step.
  return [&module, params, state, tables = Tensors{table, owners}] {
    launch_kernel(module, "adamw_step", state.parameters.front(),
                  [&](void* stream) { return module.entries->adamw(params, stream); });
  };
}

}  // namespace dermis
