// The table that the shared library hands to the program.
#include <cuda_runtime.h>

#include "kernels/cuda/cuda_entries.h"

namespace {

int versions(int* driver, int* runtime) {
  const cudaError_t error = cudaDriverGetVersion(driver);
  return error != cudaSuccess ? error : cudaRuntimeGetVersion(runtime);
}

int device_count(int* count) { return cudaGetDeviceCount(count); }

int device_facts(int index, DermisCudaDevice* device) {
  cudaDeviceProp properties;
  const cudaError_t error = cudaGetDeviceProperties(&properties, index);
  if (error != cudaSuccess) return error;
  int i = 0;
  for (; i < 255 && properties.name[i] != '\0'; ++i) device->name[i] = properties.name[i];
  device->name[i] = '\0';
  device->major = properties.major;
  device->minor = properties.minor;
  device->memory_bytes = properties.totalGlobalMem;
  return cudaSuccess;
}

int use_device(int index) { return cudaSetDevice(index); }

const char* error_text(int error) { return cudaGetErrorString(static_cast<cudaError_t>(error)); }

const DermisCudaEntries kEntries = {.abi_version = DERMIS_CUDA_ABI,
                                    .versions = versions,
                                    .device_count = device_count,
                                    .device = device_facts,
                                    .use_device = use_device,
                                    .error_text = error_text};

}  // namespace

extern "C" const DermisCudaEntries* dermis_cuda_entries() { return &kEntries; }
