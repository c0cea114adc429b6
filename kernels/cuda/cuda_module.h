// The CUDA part of Dermis: a shared library beside the program, opened at run time only when a CUDA driver is there.
// Its kernels (RMSNorm, AdamW) are compiled for sm_80 and sm_90a and checked for register spills at build time. They
// have never run on a device: nothing in Dermis calls them, and LibTorch's operators serve every operator on a GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/adamw/adamw_blocks.h"

namespace dermis {

struct CudaDevice {
  std::string name;
  int major = 0, minor = 0;  // compute capability
  std::size_t memory_bytes = 0;
};

struct CudaFacts {
  int driver_version = 0, runtime_version = 0;  // 13000 is 13.0
  std::vector<CudaDevice> devices;
};

// Launchers on raw pointers to device memory. Strides are in elements between rows, `stream` is a cudaStream_t. They
// return "" or what went wrong (CUDA's words); the launch is asynchronous.
struct CudaModule {
  // y = x / sqrt(mean(x^2) + eps) * (weight_offset + weight); inverse_rms [rows] may be null.
  std::string rms_norm_forward(const float* x, int64_t x_stride, const float* weight, float* y, int64_t y_stride,
                               float* inverse_rms, int64_t rows, int64_t width, float eps, float weight_offset,
                               void* stream) const;
  // grad_weight_partials [partial_rows, width]: their column sums, in row order, are the weight's gradient.
  std::string rms_norm_backward(const float* x, int64_t x_stride, const float* weight, const float* inverse_rms,
                                const float* grad_y, int64_t grad_stride, float* grad_x, float* grad_weight_partials,
                                int64_t partial_rows, int64_t rows, int64_t width, float weight_offset,
                                void* stream) const;
  // One tensor's step: kernels/adamw/adamw_blocks.h.
  std::string adamw(float* parameter, const float* gradient, float* first_moment, float* second_moment, int64_t count,
                    const AdamWFactors& factors, void* stream) const;

  CudaFacts facts;
  std::string path;               // of the shared library
  const void* entries = nullptr;  // its function table
};

// nullptr when there is no driver, no device or no module; then `reason`, if given, says which and what to do. The
// first call does the work, later ones repeat its answer. Thread safe.
const CudaModule* cuda_module(std::string* reason = nullptr);

// Loads LibTorch's CUDA operators (libtorch_cuda.so) from LibTorch's own folder. False, with
// a reason, without a driver or on a CPU-only LibTorch. The first call does the work. Thread safe.
bool load_torch_cuda(std::string* reason = nullptr);

// Whether a CUDA driver (libcuda.so.1) can be opened.
bool cuda_driver_present();

}  // namespace dermis
