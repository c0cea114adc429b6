// What the shared library exports: one C function that hands out a table. Plain types only: the two sides are built by
// different compilers.
#pragma once

#include <cstdint>

extern "C" {

struct DermisCudaDevice {
  char name[256];
  int major, minor;  // compute capability
  uint64_t memory_bytes;
};

// Every function returns 0 or a cudaError_t; launches are asynchronous on `stream` (a cudaStream_t) of the device that
// use_device named last on this thread.
struct DermisCudaEntries {
  int abi_version;
  int (*versions)(int* driver, int* runtime);  // 13000 is 13.0
  int (*device_count)(int* count);
  int (*device)(int index, DermisCudaDevice* device);
  int (*use_device)(int index);
  const char* (*error_text)(int error);
};

#define DERMIS_CUDA_ABI 2
#define DERMIS_CUDA_ENTRY "dermis_cuda_entries"

const struct DermisCudaEntries* dermis_cuda_entries();
}
