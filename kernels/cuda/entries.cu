// The table that the shared library hands to the program.
#include "kernels/adamw/adamw_cuda.cuh"
#include "kernels/cuda/cuda_entries.h"
#include "kernels/rms_norm/rms_norm_cuda.cuh"

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

const char* error_text(int error) { return cudaGetErrorString(static_cast<cudaError_t>(error)); }

const DermisCudaEntries kEntries = {DERMIS_CUDA_ABI,
                                    versions,
                                    device_count,
                                    device_facts,
                                    error_text,
                                    dermis::launch_rms_norm_forward,
                                    dermis::launch_rms_norm_backward,
                                    dermis::launch_adamw};

}  // namespace

extern "C" const DermisCudaEntries* dermis_cuda_entries() { return &kEntries; }
