// What the shared library exports: one C function that hands out a table. Plain types only: the two sides are built by
// different compilers.
#pragma once

#include <cstdint>

namespace dermis {

enum class ElementType : int32_t;
template <class E>
struct AttentionForwardParams;
template <class E>
struct AttentionBackwardParams;
template <class E>
struct AttentionDecodeParams;
struct RmsNormForwardParams;
struct RmsNormBackwardParams;
struct LayerNormForwardParams;
struct LayerNormBackwardParams;
struct RopeParams;
struct GeluForwardParams;
struct GeluBackwardParams;
struct GatedForwardParams;
struct GatedBackwardParams;
struct CrossEntropyParams;
struct AdamWParams;
struct GradientNormParams;
struct EmbeddingForwardParams;
struct RowSumsParams;
struct ImageNormaliseParams;
struct SamplingParams;

template <class Params>
using CudaLauncher = int (*)(const Params& params, void* stream);
template <class Params>
using CudaAttentionLauncher = int (*)(ElementType type, int head_size, const Params& params, void* stream);

}  // namespace dermis

extern "C" {

struct DermisCudaDevice {
  char name[256];
  int major, minor;  // compute capability
  uint64_t memory_bytes;
  int multiprocessors;
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
  // Launchers: kernels/attention/device/launchers.h and launchers_backward.h, kernels/<operator>/<operator>_cuda.h.
  dermis::CudaAttentionLauncher<dermis::AttentionForwardParams<void>> attention_forward;
  dermis::CudaAttentionLauncher<dermis::AttentionBackwardParams<void>> attention_backward;
  dermis::CudaAttentionLauncher<dermis::AttentionDecodeParams<void>> attention_decode;
  dermis::CudaLauncher<dermis::RmsNormForwardParams> rms_norm_forward;
  dermis::CudaLauncher<dermis::RmsNormBackwardParams> rms_norm_backward;
  dermis::CudaLauncher<dermis::LayerNormForwardParams> layer_norm_forward;
  dermis::CudaLauncher<dermis::LayerNormBackwardParams> layer_norm_backward;
  dermis::CudaLauncher<dermis::RopeParams> rope;
  dermis::CudaLauncher<dermis::GeluForwardParams> gelu_forward;
  dermis::CudaLauncher<dermis::GeluBackwardParams> gelu_backward;
  dermis::CudaLauncher<dermis::GatedForwardParams> gated_forward;
  dermis::CudaLauncher<dermis::GatedBackwardParams> gated_backward;
  dermis::CudaLauncher<dermis::CrossEntropyParams> cross_entropy;
  dermis::CudaLauncher<dermis::AdamWParams> adamw;
  dermis::CudaLauncher<dermis::GradientNormParams> gradient_norm;
  dermis::CudaLauncher<dermis::EmbeddingForwardParams> embedding_forward;
  dermis::CudaLauncher<dermis::RowSumsParams> row_sums;
  dermis::CudaLauncher<dermis::ImageNormaliseParams> image_normalise;
  dermis::CudaLauncher<dermis::SamplingParams> sampling;
};

#define DERMIS_CUDA_ABI 4
#define DERMIS_CUDA_ENTRY "dermis_cuda_entries"

const struct DermisCudaEntries* dermis_cuda_entries();
}
