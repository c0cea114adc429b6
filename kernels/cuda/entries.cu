// The table that the shared library hands to the program.
#include <cuda_runtime.h>

#include "kernels/adamw/adamw_cuda.h"
#include "kernels/attention/device/launchers.h"
#include "kernels/attention/device/launchers_backward.h"
#include "kernels/cuda/cuda_entries.h"
#include "kernels/embedding/embedding_cuda.h"
#include "kernels/gated_gelu/gated_gelu_cuda.h"
#include "kernels/image_normalise/image_normalise_cuda.h"
#include "kernels/layer_norm/layer_norm_cuda.h"
#include "kernels/linear_ce/linear_ce_cuda.h"
#include "kernels/rms_norm/rms_norm_cuda.h"
#include "kernels/rope/rope_cuda.h"
#include "kernels/sampling/sampling_cuda.h"

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
  device->multiprocessors = properties.multiProcessorCount;
  return cudaSuccess;
}

int use_device(int index) { return cudaSetDevice(index); }

const char* error_text(int error) { return cudaGetErrorString(static_cast<cudaError_t>(error)); }

const DermisCudaEntries kEntries = {.abi_version = DERMIS_CUDA_ABI,
                                    .versions = versions,
                                    .device_count = device_count,
                                    .device = device_facts,
                                    .use_device = use_device,
                                    .error_text = error_text,
                                    .attention_forward = dermis::launch_attention_forward,
                                    .attention_backward = dermis::launch_attention_backward,
                                    .attention_decode = dermis::launch_attention_decode,
                                    .rms_norm_forward = dermis::launch_rms_norm_forward,
                                    .rms_norm_backward = dermis::launch_rms_norm_backward,
                                    .layer_norm_forward = dermis::launch_layer_norm_forward,
                                    .layer_norm_backward = dermis::launch_layer_norm_backward,
                                    .rope = dermis::launch_rope,
                                    .gelu_forward = dermis::launch_gelu_forward,
                                    .gelu_backward = dermis::launch_gelu_backward,
                                    .gated_forward = dermis::launch_gated_forward,
                                    .gated_backward = dermis::launch_gated_backward,
                                    .cross_entropy = dermis::launch_cross_entropy,
                                    .adamw = dermis::launch_adamw,
                                    .gradient_norm = dermis::launch_gradient_norm,
                                    .embedding_forward = dermis::launch_embedding_forward,
                                    .row_sums = dermis::launch_row_sums,
                                    .image_normalise = dermis::launch_image_normalise,
                                    .sampling = dermis::launch_sampling};

}  // namespace

extern "C" const DermisCudaEntries* dermis_cuda_entries() { return &kEntries; }
