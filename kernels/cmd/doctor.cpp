#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <torch/headeronly/version.h>

#include "core/cli/parse.h"
#include "core/process.h"
#include "core/version.h"
#include "kernels/cmd/verbs.h"
#include "kernels/cuda/cuda_module.h"
#include "kernels/operator_paths/operator_paths.h"
#include "kernels/simd/cpu_features.h"

namespace dermis {
namespace {

constexpr double kGiB = 1024.0 * 1024.0 * 1024.0;

void print_line(const char* name, const std::string& value) { fmt::print("{:<14}{}\n", name, value); }

std::string cuda_version(int number) { return fmt::format("{}.{}", number / 1000, number % 1000 / 10); }

void print_machine() {
  const Hardware machine = hardware();
  print_line("dermis", fmt::format("{} ({})", version(), commit()));
  print_line("system", machine.system);
  print_line("CPU", fmt::format("{}, kernels for {}", machine.cpu, name_of(instruction_set())));
  print_line("threads", fmt::format("{} used of {} cores", at::get_num_threads(), machine.cores));
  print_line("memory", fmt::format("{:.1f} GiB", static_cast<double>(machine.memory_bytes) / kGiB));
  print_line("LibTorch", TORCH_VERSION);
}

void print_gpu() {
  std::string reason;
  const CudaModule* module = cuda_module(&reason);
  if (module == nullptr) {
    print_line("CUDA module", "not in use: " + reason);
  } else {
    print_line("CUDA", fmt::format("driver {}, runtime {}", cuda_version(module->facts.driver_version),
                                   cuda_version(module->facts.runtime_version)));
    print_line("CUDA module", module->path);
    for (const CudaDevice& device : module->facts.devices)
      print_line("GPU", fmt::format("{}, compute capability {}.{}, {:.1f} GiB{}", device.name, device.major,
                                    device.minor, static_cast<double>(device.memory_bytes) / kGiB,
                                    device.major < kOldestCudaMajor ? ": too old for our kernels" : ""));
  }
  print_line("LibTorch GPU", load_torch_cuda(&reason) ? "loaded" : "not in use: " + reason);
}

void print_paths() {
  fmt::print("\n{:<24}{:<46}{}\n", "operator", "on the CPU", "on a GPU");
  for (const OperatorPath& path : operator_paths()) fmt::print("{:<24}{:<46}{}\n", path.op, path.cpu, path.cuda);
}

}  // namespace

int run_doctor(const CommandTable&, const std::vector<std::string>& arguments) {
  CLI::App app("Shows this machine as Dermis sees it, and which implementation every operator takes here", "doctor");
  if (!parse_arguments(app, arguments)) return 0;
  print_machine();
  print_gpu();
  print_paths();
  fmt::print("\n'dermis selftest' compares these operators with fp64 references on this machine.\n");
  return 0;
}

}  // namespace dermis
