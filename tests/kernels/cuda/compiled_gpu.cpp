#include "tests/kernels/cuda/compiled_gpu.h"

#include <dlfcn.h>

#include <filesystem>

#include "core/error.h"
#include "tests/ptx/runtime.h"

namespace dermis::testing {
namespace {

void* library = nullptr;

bool in_emulated_memory(uint64_t address, size_t bytes) {
  return EmulatedMemory::device().find(reinterpret_cast<const void*>(address), bytes) != nullptr;
}

// A function of the library, which stays open.
template <class F>
F* function_named(const char* name) {
  return reinterpret_cast<F*>(dlsym(library, name));
}

const DermisCudaEntries* open_library(const std::string& path, std::string& failure) {
  library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    failure = dlerror();
    return nullptr;
  }
  function_named<decltype(dermis_ptx_memory)>("dermis_ptx_memory")(in_emulated_memory);
  return function_named<decltype(dermis_cuda_entries)>(DERMIS_CUDA_ENTRY)();
}

std::string beside_the_program() {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "libdermis_cuda_ptx.so").string();
}

}  // namespace

const CudaModule* compiled_module() {
  if (!std::filesystem::exists(beside_the_program())) return nullptr;
  static const OpenedCudaModule opened = open_cuda_module({[] { return true; }, beside_the_program, open_library});
  DERMIS_CHECK(opened.reason.empty(), opened.reason);
  return &opened.module;
}

void count_traffic(ptx::Traffic* traffic) {
  function_named<decltype(dermis_ptx_traffic)>("dermis_ptx_traffic")(traffic);
}

}  // namespace dermis::testing
