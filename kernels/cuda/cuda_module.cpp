#include "kernels/cuda/cuda_module.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <filesystem>

#include "kernels/cuda/cuda_entries.h"

namespace dermis {
namespace {

constexpr const char* kNoDriver = "no CUDA driver (libcuda.so.1 is not found)";
#ifdef DERMIS_HAS_CUDA
constexpr bool kBuiltWithNvcc = true;
#else
constexpr bool kBuiltWithNvcc = false;
#endif

std::string folder_of(const void* address) {
  Dl_info info{};
  if (dladdr(address, &info) == 0 || info.dli_fname == nullptr) return {};
  std::error_code ignored;
  return std::filesystem::weakly_canonical(info.dli_fname, ignored).parent_path().string();
}

std::string program_folder() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path().string();
}

const DermisCudaEntries* entries_of(const CudaModule& module) {
  return static_cast<const DermisCudaEntries*>(module.entries);
}

std::string text_of(const CudaModule& module, int error) {
  return error == 0 ? std::string() : entries_of(module)->error_text(error);
}

struct Opened {
  CudaModule module;
  std::string reason;  // "" when open
};

std::string read_facts(CudaModule& module) {
  const DermisCudaEntries* entries = entries_of(module);
  int count = 0;
  int error = entries->versions(&module.facts.driver_version, &module.facts.runtime_version);
  if (error == 0) error = entries->device_count(&count);
  if (error != 0) return "the CUDA driver answers: " + text_of(module, error);
  for (int i = 0; i < count; ++i) {
    DermisCudaDevice device{};
    error = entries->device(i, &device);
    if (error != 0) return "CUDA device " + std::to_string(i) + " answers: " + text_of(module, error);
    module.facts.devices.push_back({device.name, device.major, device.minor, device.memory_bytes});
  }
  return count == 0 ? "the CUDA driver sees no device" : "";
}

// Beside the program, or one folder up for the tests of a build tree.
std::string find_module() {
  const std::filesystem::path folder = program_folder();
  for (const auto& place : {folder, folder.parent_path()})
    if (const auto file = place / "libdermis_cuda.so"; std::filesystem::exists(file)) return file.string();
  return {};
}

Opened open_module() {
  Opened opened;
  if (!kBuiltWithNvcc || !cuda_driver_present()) {
    opened.reason =
        kBuiltWithNvcc ? kNoDriver : "this build is CPU only (configured without nvcc, or with DERMIS_CUDA=OFF)";
    return opened;
  }
  opened.module.path = find_module();
  if (opened.module.path.empty()) {
    opened.reason = "libdermis_cuda.so is not beside the program (" + program_folder() + ")";
    return opened;
  }
  void* library = dlopen(opened.module.path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* symbol = library == nullptr ? nullptr : dlsym(library, DERMIS_CUDA_ENTRY);
  if (symbol == nullptr) {
    opened.reason = std::string("the CUDA module does not open: ") + dlerror();
    return opened;
  }
  opened.module.entries = reinterpret_cast<const DermisCudaEntries* (*)()>(symbol)();
  opened.reason = entries_of(opened.module)->abi_version == DERMIS_CUDA_ABI
                      ? read_facts(opened.module)
                      : opened.module.path + " belongs to another build of Dermis";
  return opened;
}

std::string open_torch_cuda() {
  if (!cuda_driver_present()) return kNoDriver;
  // This function lives in libtorch_cpu.so, and the CUDA part lies beside it.
  const auto file =
      std::filesystem::path(folder_of(reinterpret_cast<const void*>(&at::get_num_threads))) / "libtorch_cuda.so";
  if (!std::filesystem::exists(file)) return "LibTorch is a CPU-only one (" + file.string() + " is not there)";
  // Global: its operators register themselves with the dispatcher of libtorch_cpu.so when the library is opened.
  return dlopen(file.c_str(), RTLD_NOW | RTLD_GLOBAL) != nullptr
             ? std::string()
             : std::string("LibTorch's CUDA library does not open: ") + dlerror();
}

}  // namespace

bool cuda_driver_present() {
  static const bool present = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) != nullptr;
  return present;
}

const CudaModule* cuda_module(std::string* reason) {
  static const Opened opened = open_module();
  if (reason != nullptr) *reason = opened.reason;
  return opened.reason.empty() ? &opened.module : nullptr;
}

bool load_torch_cuda(std::string* reason) {
  static const std::string failure = open_torch_cuda();
  if (reason != nullptr) *reason = failure;
  return failure.empty();
}

std::string CudaModule::rms_norm_forward(const float* x, int64_t x_stride, const float* weight, float* y,
                                         int64_t y_stride, float* inverse_rms, int64_t rows, int64_t width, float eps,
                                         float weight_offset, void* stream) const {
  return text_of(*this, entries_of(*this)->rms_norm_forward(x, x_stride, weight, y, y_stride, inverse_rms, rows, width,
                                                            eps, weight_offset, stream));
}

std::string CudaModule::rms_norm_backward(const float* x, int64_t x_stride, const float* weight,
                                          const float* inverse_rms, const float* grad_y, int64_t grad_stride,
                                          float* grad_x, float* grad_weight_partials, int64_t partial_rows,
                                          int64_t rows, int64_t width, float weight_offset, void* stream) const {
  return text_of(*this, entries_of(*this)->rms_norm_backward(x, x_stride, weight, inverse_rms, grad_y, grad_stride,
                                                             grad_x, grad_weight_partials, partial_rows, rows, width,
                                                             weight_offset, stream));
}

std::string CudaModule::adamw(float* parameter, const float* gradient, float* first_moment, float* second_moment,
                              int64_t count, const AdamWFactors& factors, void* stream) const {
  return text_of(*this,
                 entries_of(*this)->adamw(parameter, gradient, first_moment, second_moment, count, &factors, stream));
}

}  // namespace dermis
