// The CUDA part of Dermis: a shared library beside the program, opened at run time only when a CUDA driver is there.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/cuda/cuda_entries.h"

namespace dermis {

struct CudaDevice {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  std::size_t memory_bytes = 0;
  int multiprocessors = 1;
};

struct CudaFacts {
  int driver_version = 0, runtime_version = 0;  // 13000 is 13.0
  std::vector<CudaDevice> devices;
};

struct CudaModule {
  const DermisCudaEntries* entries = nullptr;  // lives as long as the process
  CudaFacts facts;
  std::string path;  // of the shared library
};

// The oldest compute capability that the kernels run on: Ampere.
constexpr int kOldestCudaMajor = 8;

// nullptr when there is no driver, no device or no module; then `reason`, if given, says which and what to do. The
// first call does the work, later ones repeat its answer. Thread safe.
const CudaModule* cuda_module(std::string* reason = nullptr);

// Loads LibTorch's CUDA operators (libtorch_cuda.so) from LibTorch's own folder. False, with
// a reason, without a driver or on a CPU-only LibTorch. The first call does the work. Thread safe.
// LibTorch decides once whether there is CUDA, at the process's first backward pass or seed, even on the CPU: the first
// call must come before.
bool load_torch_cuda(std::string* reason = nullptr);

// Whether a CUDA driver (libcuda.so.1) can be opened.
bool cuda_driver_present();

// What opening the module asks of the machine; tests answer in its place.
struct CudaSystem {
  std::function<bool()> driver_present;
  std::function<std::string()> find_module;  // path, or "" when it is not beside the program
  // The module's table, or nullptr with the linker's words in `failure`.
  std::function<const DermisCudaEntries*(const std::string& path, std::string& failure)> open;
};

struct OpenedCudaModule {
  CudaModule module;
  std::string reason;  // "" when open
};
OpenedCudaModule open_cuda_module(const CudaSystem& system);

// What load_torch_cuda() asks of the machine and of LibTorch.
struct TorchCudaSystem {
  std::function<bool()> driver_present;
  std::function<std::string()> find_library;                 // path, or "" when LibTorch has none
  std::function<std::string(const std::string& path)> open;  // the linker's words, or ""
  std::function<bool()> ruled_out;                           // LibTorch has decided that there is no CUDA
  std::function<bool()> sees_device;
};
std::string open_torch_cuda(const TorchCudaSystem& system);  // a reason, or ""
bool torch_ruled_cuda_out();                                 // decides it now if nothing has before

}  // namespace dermis
