#include "kernels/rms_norm/rms_norm_cuda.cuh"

namespace dermis {
namespace {

constexpr int kThreads = 256;
constexpr int kWarps = kThreads / 32;

// The sum over the block, in every thread. `scratch` holds kWarps floats and may be reused after the next barrier.
__device__ float block_sum(float value, float* scratch) {
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(0xffffffffU, value, offset);
  __syncthreads();
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = value;
  __syncthreads();
  float total = 0;
  for (int warp = 0; warp < kWarps; ++warp) total += scratch[warp];
  return total;
}

// One block a row; a row is read twice, the second time from the cache.
__global__ void __launch_bounds__(kThreads, 4)
    rms_norm_forward_kernel(const float* __restrict__ x, int64_t x_stride, const float* __restrict__ weight,
                            float* __restrict__ y, int64_t y_stride, float* __restrict__ inverse_rms, int64_t width,
                            float eps, float weight_offset) {
  __shared__ float scratch[kWarps];
  const float* row = x + blockIdx.x * x_stride;
  float squares = 0;
  for (int64_t i = threadIdx.x; i < width; i += kThreads) squares += row[i] * row[i];
  const float inverse = rsqrtf(block_sum(squares, scratch) / static_cast<float>(width) + eps);
  if (inverse_rms != nullptr && threadIdx.x == 0) inverse_rms[blockIdx.x] = inverse;
  float* out = y + blockIdx.x * y_stride;
  for (int64_t i = threadIdx.x; i < width; i += kThreads) out[i] = row[i] * inverse * (weight[i] + weight_offset);
}

// Block b takes rows b, b + gridDim.x, ... and sums their weight gradient in its own row of the partials, so that no
// atomics are needed and the result does not change from run to run.
__global__ void __launch_bounds__(kThreads, 4)
    rms_norm_backward_kernel(const float* __restrict__ x, int64_t x_stride, const float* __restrict__ weight,
                             const float* __restrict__ inverse_rms, const float* __restrict__ grad_y,
                             int64_t grad_stride, float* __restrict__ grad_x, float* __restrict__ partials,
                             int64_t rows, int64_t width, float weight_offset) {
  __shared__ float scratch[kWarps];
  float* partial = partials + blockIdx.x * width;
  for (int64_t i = threadIdx.x; i < width; i += kThreads) partial[i] = 0;
  for (int64_t row = blockIdx.x; row < rows; row += gridDim.x) {
    const float* in = x + row * x_stride;
    const float* grad = grad_y + row * grad_stride;
    const float r = inverse_rms[row];
    float dot = 0;
    for (int64_t i = threadIdx.x; i < width; i += kThreads) dot += grad[i] * (weight[i] + weight_offset) * in[i];
    const float shrink = r * r * r * block_sum(dot, scratch) / static_cast<float>(width);
    for (int64_t i = threadIdx.x; i < width; i += kThreads) {
      grad_x[row * width + i] = grad[i] * (weight[i] + weight_offset) * r - in[i] * shrink;
      partial[i] += grad[i] * in[i] * r;
    }
  }
}

}  // namespace

int launch_rms_norm_forward(const float* x, int64_t x_stride, const float* weight, float* y, int64_t y_stride,
                            float* inverse_rms, int64_t rows, int64_t width, float eps, float weight_offset,
                            void* stream) {
  if (rows == 0 || width == 0) return cudaSuccess;
  rms_norm_forward_kernel<<<static_cast<unsigned>(rows), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      x, x_stride, weight, y, y_stride, inverse_rms, width, eps, weight_offset);
  return cudaGetLastError();
}

int launch_rms_norm_backward(const float* x, int64_t x_stride, const float* weight, const float* inverse_rms,
                             const float* grad_y, int64_t grad_stride, float* grad_x, float* grad_weight_partials,
                             int64_t partial_rows, int64_t rows, int64_t width, float weight_offset, void* stream) {
  if (partial_rows <= 0) return cudaErrorInvalidValue;
  if (width == 0) return cudaSuccess;
  rms_norm_backward_kernel<<<static_cast<unsigned>(partial_rows), kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      x, x_stride, weight, inverse_rms, grad_y, grad_stride, grad_x, grad_weight_partials, rows, width, weight_offset);
  return cudaGetLastError();
}

}  // namespace dermis
