// What the shared library exports: one C function that hands out a table. Plain types only: the two
// sides are built by different compilers.
#pragma once

#include <stdint.h>

#include "kernels/adamw/adamw_blocks.h"

extern "C" {

struct DermisCudaDevice {
  char name[256];
  int major, minor;
  uint64_t memory_bytes;
};

// Every function returns 0 or a cudaError_t.
struct DermisCudaEntries {
  int abi_version;
  int (*versions)(int* driver, int* runtime);
  int (*device_count)(int* count);
  int (*device)(int index, DermisCudaDevice* device);
  const char* (*error_text)(int error);
  int (*rms_norm_forward)(const float* x, int64_t x_stride, const float* weight, float* y, int64_t y_stride,
                          float* inverse_rms, int64_t rows, int64_t width, float eps, float weight_offset,
                          void* stream);
  int (*rms_norm_backward)(const float* x, int64_t x_stride, const float* weight, const float* inverse_rms,
                           const float* grad_y, int64_t grad_stride, float* grad_x, float* grad_weight_partials,
                           int64_t partial_rows, int64_t rows, int64_t width, float weight_offset, void* stream);
  int (*adamw)(float* parameter, const float* gradient, float* first, float* second, int64_t count,
               const dermis::AdamWFactors* factors, void* stream);
};

#define DERMIS_CUDA_ABI 1
#define DERMIS_CUDA_ENTRY "dermis_cuda_entries"

const struct DermisCudaEntries* dermis_cuda_entries();
}
