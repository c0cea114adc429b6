#include "kernels/cuda/cuda_kernels.h"

#include <ATen/ATen.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <sstream>

#include "core/error.h"

namespace dermis {
namespace {

std::atomic<const CudaModule*> module_of_cpu{nullptr};

constexpr const char* kChoiceVariable = "DERMIS_GPU_OPERATORS";
constexpr const char* kChooseLibTorch = "or choose LibTorch's operators (DERMIS_GPU_OPERATORS=libtorch)";

GpuOperators choice_of_environment() {
  const char* value = std::getenv(kChoiceVariable);
  const std::string choice = value == nullptr ? "own" : value;
  if (choice == "own") return GpuOperators::own;
  if (choice == "libtorch") return GpuOperators::libtorch;
  throw Error(ErrorKind::usage, {.what = "unknown choice of operators",
                                 .where = std::string("environment variable ") + kChoiceVariable,
                                 .expected = "own or libtorch",
                                 .found = choice});
}

std::atomic<GpuOperators>& chosen_operators() {
  static std::atomic<GpuOperators> choice{choice_of_environment()};
  return choice;
}

std::string device_text(const CudaModule& module, const at::Device& device) {
  const auto index = static_cast<size_t>(device.index());
  const bool known = device.is_cuda() && device.has_index() && index < module.facts.devices.size();
  return known ? fmt::format("{} ({})", device.str(), module.facts.devices[index].name) : device.str();
}

}  // namespace

void choose_gpu_operators(GpuOperators choice) { chosen_operators() = choice; }
GpuOperators gpu_operators() { return chosen_operators(); }

CpuAsGpu::CpuAsGpu(const CudaModule& module) {
  const CudaModule* none = nullptr;
  DERMIS_CHECK(module_of_cpu.compare_exchange_strong(none, &module), "one at a time");
}
CpuAsGpu::~CpuAsGpu() { module_of_cpu = nullptr; }

void check_gpu(const char* op, const CudaModule* module, const std::string& reason, int index) {
  if (module == nullptr) {
    throw Error(ErrorKind::device, {.what = fmt::format("{}: there are no CUDA kernels here", op),
                                    .where = fmt::format("cuda:{}", index),
                                    .expected = "a CUDA driver, a GPU and libdermis_cuda.so",
                                    .found = reason,
                                    .fix = fmt::format("mend what 'dermis doctor' shows, {}", kChooseLibTorch)});
  }
  const bool known = index >= 0 && static_cast<size_t>(index) < module->facts.devices.size();
  if (known && module->facts.devices[static_cast<size_t>(index)].major >= kOldestCudaMajor) return;
  const CudaDevice device = known ? module->facts.devices[static_cast<size_t>(index)] : CudaDevice{"an unknown GPU"};
  throw Error(ErrorKind::device,
              {.what = fmt::format("{}: our kernels do not run on this GPU", op),
               .where = fmt::format("cuda:{}", index),
               .expected = fmt::format("compute capability {}.0 or later (Ampere)", kOldestCudaMajor),
               .found = fmt::format("{}, compute capability {}.{}", device.name, device.major, device.minor),
               .fix = fmt::format("use a newer GPU, {}", kChooseLibTorch)});
}

const CudaModule* cuda_kernels_for(const char* op, const at::Tensor& tensor) {
  return cuda_kernels_for(op, tensor.device(), tensor.scalar_type());
}

const CudaModule* cuda_kernels_for(const char* op, at::Device device, at::ScalarType type) {
  if (type != at::kFloat && type != at::kBFloat16 && type != at::kHalf) return nullptr;
  if (!device.is_cuda()) return device.is_cpu() ? module_of_cpu.load() : nullptr;
  if (gpu_operators() == GpuOperators::libtorch) return nullptr;
  std::string reason;
  const CudaModule* module = cuda_module(&reason);
  check_gpu(op, module, reason, device.index());
  return module;
}

void launch_kernel(const CudaModule& module, const char* op, c10::function_ref<std::string()> shapes,
                   const at::Tensor& tensor, c10::function_ref<int(void* stream)> launch) {
  int error = 0;
  if (tensor.is_cuda()) {
    // LibTorch and the module each have a CUDA runtime of their own; both must mean the same device.
    const c10::OptionalDeviceGuard guard(tensor.device());
    const c10::Stream stream = c10::impl::VirtualGuardImpl(at::kCUDA).getStream(tensor.device());
    error = module.entries->use_device(tensor.device().index());
    if (error == 0) error = launch(stream.native_handle());
  } else {
    error = launch(nullptr);
  }
  if (error == 0) return;
  throw Error(ErrorKind::device,
              {.what = fmt::format("{}: CUDA does not launch its kernel", op),
               .where = device_text(module, tensor.device()),
               .expected = "a launch without an error",
               .found = fmt::format("{} (error {}) for {}", module.entries->error_text(error), error, shapes()),
               .fix = "an earlier kernel may have failed: run 'dermis selftest'; if that passes, report this message"});
}

void launch_kernel(const CudaModule& module, const char* op, const at::Tensor& tensor,
                   c10::function_ref<int(void* stream)> launch) {
  launch_kernel(
      module, op, [&] { return describe(tensor); }, tensor, launch);
}

at::Tensor device_empty(const char* op, at::IntArrayRef sizes, const at::TensorOptions& options) {
  try {
    return at::empty(sizes, options);
  } catch (const c10::OutOfMemoryError& error) {
    std::ostringstream wanted;
    wanted << c10::typeMetaToScalarType(options.dtype()) << ' ' << sizes;
    fail_for_memory(op, wanted.str(), options.device(), error);
  }
}

at::Tensor device_contiguous(const char* op, const at::Tensor& x) {
  if (!x.defined() || x.is_contiguous()) return x;
  return naming_lack_of_memory(op, x, [&] { return x.contiguous(); });
}

void fail_for_memory(const char* op, const std::string& wanted, at::Device device, const c10::OutOfMemoryError& error) {
  throw Error(ErrorKind::device, {.what = fmt::format("{}: the device has no memory left", op),
                                  .where = device.str(),
                                  .expected = "room for " + wanted,
                                  .found = error.what_without_backtrace(),
                                  .fix = "use smaller batches, or close other programs that use the device"});
}

void check_kernel_limit(const char* op, const char* counted, int64_t found, int64_t most, const at::Tensor& operand,
                        const char* fix) {
  if (found <= most) return;
  throw Error(ErrorKind::usage, {.what = fmt::format("{} on a GPU: too many {}", op, counted),
                                 .where = describe(operand),
                                 .expected = fmt::format("at most {}", most),
                                 .found = fmt::format("{}", found),
                                 .fix = fmt::format("{}, {}", fix, kChooseLibTorch)});
}

ElementType element_type(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kBFloat16: return ElementType::bf16;
    case at::kHalf: return ElementType::fp16;
    default:
      DERMIS_CHECK(tensor.scalar_type() == at::kFloat, "an element type of the kernels");
      return ElementType::fp32;
  }
}

}  // namespace dermis
