// The few functions of the CUDA driver that run compiled kernels by name, opened at run time: no CUDA headers, nothing
// to link. Tests of what uses them put other functions in their place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace dermis::gpu {

using Address = uint64_t;  // of device memory

// Every function but error_text returns 0 or a CUresult.
struct CudaDriver {
  std::string device;  // "NVIDIA H200, driver 13.0"
  std::function<const char*(int error)> error_text;
  std::function<int(Address*, size_t)> allocate;
  std::function<int(Address)> release;
  std::function<int(Address, const void*, size_t)> to_device;
  std::function<int(void*, Address, size_t)> to_host;
  std::function<int(Address to, Address from, size_t)> copy;
  std::function<int(void** module, const void* image)> load;
  std::function<int(void** function, void* module, const char* name)> find;
  std::function<int(void* function, uint32_t bytes)> allow_shared;
  std::function<int(void* function, const uint32_t (&blocks)[3], uint32_t threads, uint32_t shared, void** params)>
      launch;
  std::function<int()> wait;
};

constexpr int kNotFound = 500;  // CUDA_ERROR_NOT_FOUND, from `find`

// The driver with a context on device 0. Throws Error(device) that says what is missing.
CudaDriver open_cuda_driver();

}  // namespace dermis::gpu
