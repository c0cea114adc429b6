// Attention on 16-bit tensors with the CUDA kernels.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_decode.h"
#include "kernels/attention/attention_intervals.h"
#include "kernels/cuda/cuda_kernels.h"

namespace dermis {

// The module whose kernels serve these queries, or nullptr. fp32 and fp64 on a GPU have no kernels of ours: tensor
// cores would round them.
const CudaModule* attention_module(const char* op, const at::Tensor& q);

// Throws Error(usage) for what the kernels do not take: a head size without kernels (the list is named), a scale that
// is not positive, rows that do not begin at multiples of 16 bytes, more than 2^31 - 1 rows of heads. Operands have
// passed check_attention.
void check_cuda_attention(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                          const AttentionOptions& options);

// Of the above, what does not depend on the number of rows: of tensors [..., heads, D].
void check_cuda_attention_operands(const char* op, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                   const AttentionOptions& options);

// Operands have passed both checks, their last dimension is contiguous. `backward`: a backward pass will follow.
AttentionResult attention_cuda_forward(const CudaModule& module, const at::Tensor& q_THD, const at::Tensor& k_SGD,
                                       const at::Tensor& v_SGD, const VisibleKeys& visible,
                                       const AttentionOptions& options, bool backward);

// Whether no key is seen by two rows: each row then reads keys of its own, as in a decoding step of several sequences
// against one cache, and the decode kernel, which cuts long intervals among blocks, is the right one.
bool rows_share_no_key(const VisibleKeys& visible);
// The same result from the decode kernel; rows share no key, H / G is at most kDecodeMaxRows. No backward pass follows.
AttentionResult attention_cuda_decode(const CudaModule& module, const at::Tensor& q_THD, const at::Tensor& k_SGD,
                                      const at::Tensor& v_SGD, const VisibleKeys& visible,
                                      const AttentionOptions& options);
// What attention_decode() has checked, `tokens` rows of q a sequence. Throws Error(usage) for what the kernel does not
// take.
AttentionResult attention_cuda_decode(const CudaModule& module, const at::Tensor& q_THD, int64_t tokens,
                                      const at::Tensor& k_cache, const at::Tensor& v_cache,
                                      const CachedSequences& sequences, const AttentionDecodeOptions& options);

struct AttentionCudaGradients {
  at::Tensor q_THD, k_SGD, v_SGD;
};
AttentionCudaGradients attention_cuda_backward(const CudaModule& module, const at::Tensor& q_THD,
                                               const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                                               const VisibleKeys& visible, const AttentionOptions& options,
                                               const AttentionResult& forward, const at::Tensor& grad_o_THD);

std::string attention_shapes(const at::Tensor& q, const at::Tensor& k);  // for errors

// What the launchers are given: addresses and strides of the tensors, which must outlive the launch.
AttentionForwardParams<void> attention_forward_params(const at::Tensor& q_THD, const at::Tensor& k_SGD,
                                                      const at::Tensor& v_SGD, const AttentionResult& result,
                                                      const DeviceIntervals& intervals,
                                                      const AttentionOptions& options);
AttentionBackwardParams<void> attention_backward_params(const at::Tensor& q_THD, const at::Tensor& k_SGD,
                                                        const at::Tensor& v_SGD, const AttentionResult& forward,
                                                        const at::Tensor& grad_o_THD,
                                                        const AttentionCudaGradients& gradients,
                                                        const at::Tensor& statistics, const DeviceIntervals& intervals,
                                                        const AttentionOptions& options);

TokenHeads<const void> token_heads(const at::Tensor& x);
TokenHeads<void> writable_token_heads(const at::Tensor& x);

}  // namespace dermis
