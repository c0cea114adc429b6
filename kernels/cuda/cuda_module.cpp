#include "kernels/cuda/cuda_module.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>
#include <typeinfo>

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

std::string number(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

// Fills in the facts; returns what is wrong with them, or "".
std::string read_facts(CudaModule& module) {
  const DermisCudaEntries& entries = *module.entries;
  CudaFacts& facts = module.facts;
  int error = entries.versions(&facts.driver_version, &facts.runtime_version);
  if (error == 0 && facts.driver_version / 1000 < facts.runtime_version / 1000) {
    return fmt::format("the CUDA driver is too old: it runs CUDA {}, this build needs {}.0 or later; update the driver",
                       number(facts.driver_version), facts.runtime_version / 1000);
  }
  int count = 0;
  if (error == 0) error = entries.device_count(&count);
  if (error != 0) return std::string("the CUDA driver answers: ") + entries.error_text(error);
  for (int i = 0; i < count; ++i) {
    DermisCudaDevice device{};
    error = entries.device(i, &device);
    if (error != 0) return fmt::format("CUDA device {} answers: {}", i, entries.error_text(error));
    facts.devices.push_back({device.name, device.major, device.minor, device.memory_bytes, device.multiprocessors});
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

const DermisCudaEntries* open_library(const std::string& path, std::string& failure) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* symbol = library == nullptr ? nullptr : dlsym(library, DERMIS_CUDA_ENTRY);
  if (symbol == nullptr) {
    failure = dlerror();
    return nullptr;
  }
  return reinterpret_cast<const DermisCudaEntries* (*)()>(symbol)();
}

// Beside libtorch_cpu.so, in which this function lives; "" when that is a CPU-only one.
std::string find_torch_cuda() {
  const std::filesystem::path folder = folder_of(reinterpret_cast<const void*>(&at::get_num_threads));
  const auto file = folder / "libtorch_cuda.so";
  return std::filesystem::exists(file) ? file.string() : std::string();
}

// Global: its operators register themselves with the dispatcher of libtorch_cpu.so when the library is opened.
std::string open_globally(const std::string& path) {
  return dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr ? dlerror() : std::string();
}

}  // namespace

OpenedCudaModule open_cuda_module(const CudaSystem& system) {
  OpenedCudaModule opened;
  if (!system.driver_present()) {
    opened.reason = kNoDriver;
    return opened;
  }
  opened.module.path = system.find_module();
  if (opened.module.path.empty()) {
    opened.reason = "libdermis_cuda.so is not beside the program (" + program_folder() + ")";
    return opened;
  }
  std::string failure;
  opened.module.entries = system.open(opened.module.path, failure);
  if (opened.module.entries == nullptr)
    opened.reason = "the CUDA module does not open: " + failure;
  else if (opened.module.entries->abi_version != DERMIS_CUDA_ABI)
    opened.reason = opened.module.path + " belongs to another build of Dermis; build both together";
  else
    opened.reason = read_facts(opened.module);
  return opened;
}

std::string open_torch_cuda(const TorchCudaSystem& system) {
  if (!system.driver_present()) return kNoDriver;
  const std::string library = system.find_library();
  if (library.empty()) return "LibTorch is a CPU-only one (there is no libtorch_cuda.so beside libtorch_cpu.so)";
  if (const std::string failure = system.open(library); !failure.empty())
    return "LibTorch's CUDA library does not open: " + failure;
  if (system.ruled_out()) {
    return "LibTorch has ruled CUDA out: a backward pass or a seed on the CPU came before its CUDA library was loaded; "
           "call load_torch_cuda() at the beginning of the program";
  }
  return system.sees_device() ? "" : "LibTorch's CUDA operators see no device";
}

// Without a CUDA library LibTorch answers with the interface itself.
bool torch_ruled_cuda_out() {
  const at::CUDAHooksInterface& hooks = at::detail::getCUDAHooks();
  return typeid(hooks) == typeid(at::CUDAHooksInterface);
}

bool cuda_driver_present() {
  static const bool present = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) != nullptr;
  return present;
}

const CudaModule* cuda_module(std::string* reason) {
  static const OpenedCudaModule opened = [] {
    if (kBuiltWithNvcc) return open_cuda_module({cuda_driver_present, find_module, open_library});
    return OpenedCudaModule{{}, "this build is CPU only (configured without nvcc, or with DERMIS_CUDA=OFF)"};
  }();
  if (reason != nullptr) *reason = opened.reason;
  return opened.reason.empty() ? &opened.module : nullptr;
}

bool load_torch_cuda(std::string* reason) {
  static const std::string failure = open_torch_cuda(
      {cuda_driver_present, find_torch_cuda, open_globally, torch_ruled_cuda_out, [] { return at::hasCUDA(); }});
  if (reason != nullptr) *reason = failure;
  return failure.empty();
}

}  // namespace dermis
