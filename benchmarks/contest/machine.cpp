#include "benchmarks/contest/machine.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/headeronly/version.h>

#include "core/process.h"
#include "core/version.h"
#include "kernels/cuda/cuda_module.h"
#include "kernels/simd/cpu_features.h"

namespace dermis {
namespace {

std::string gpu_name(at::Device device) {
  const CudaModule* module = cuda_module();
  const auto index = static_cast<size_t>(device.has_index() ? device.index() : 0);
  return module != nullptr && index < module->facts.devices.size() ? module->facts.devices[index].name : "GPU";
}

}  // namespace

ContestResult begin_contest(at::Device device, int threads, int rounds) {
  at::set_num_threads(threads);
  ContestResult result;
  result.device = device.is_cpu()
                      ? fmt::format("{}, {} threads, {}", hardware().cpu, threads, name_of(instruction_set()))
                      : gpu_name(device);
  result.commit = commit();
  result.date = utc_time();
  result.libtorch = TORCH_VERSION;
  result.rounds = rounds;
  return result;
}

std::unique_ptr<Stopwatch> stopwatch_for(at::Device device) {
  if (device.is_cpu()) return std::make_unique<CpuStopwatch>();
  return std::make_unique<GpuStopwatch>(device);
}

}  // namespace dermis
