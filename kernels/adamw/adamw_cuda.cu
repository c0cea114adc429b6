#include "kernels/adamw/adamw_cuda.cuh"

namespace dermis {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kMostBlocks = 4096;

__global__ void __launch_bounds__(kThreads, 4)
    adamw_kernel(float* __restrict__ parameter, const float* __restrict__ gradient, float* __restrict__ first,
                 float* __restrict__ second, int64_t count, AdamWFactors f) {
  const int64_t stride = static_cast<int64_t>(gridDim.x) * kThreads;
  for (int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < count; i += stride) {
    const float g = gradient[i] * f.gradient_scale;
    const float m = fmaf(f.beta1, first[i], f.one_minus_beta1 * g);
    const float v = fmaf(f.beta2, second[i], f.one_minus_beta2 * (g * g));
    first[i] = m;
    second[i] = v;
    parameter[i] = parameter[i] * f.decay - f.step_size * (m / (sqrtf(v) * f.inverse_correction + f.eps));
  }
}

}  // namespace

int launch_adamw(float* parameter, const float* gradient, float* first, float* second, int64_t count,
                 const AdamWFactors* factors, void* stream) {
  if (count == 0) return cudaSuccess;
  const int64_t wanted = (count + kThreads - 1) / kThreads;
  const auto blocks = static_cast<unsigned>(wanted < kMostBlocks ? wanted : kMostBlocks);
  adamw_kernel<<<blocks, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(parameter, gradient, first, second, count,
                                                                           *factors);
  return cudaGetLastError();
}

}  // namespace dermis
