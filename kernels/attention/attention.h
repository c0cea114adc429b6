// Attention over packed sequences with interval masks: o = softmax(scale * q k^T restricted to visible keys) v.
// T query rows, S key rows, H query heads, G key/value heads (H a multiple of G), D head size.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <optional>
#include <string>

#include "kernels/visible_keys/visible_keys.h"

namespace dermis {

struct AttentionOptions {
  double scale = 0;    // 0: 1 / sqrt(D)
  double softcap = 0;  // 0: none; else scores become cap * tanh(score / cap) (Gemma 2)
};

struct AttentionResult {
  at::Tensor o_THD;   // dtype of q; rows that see no key are zero
  at::Tensor lse_HT;  // fp32 (fp64 for fp64 input): log of the softmax denominator; -inf for rows that see no key
};

// Last dimension contiguous (copied otherwise), other strides free: q, k, v may be slices of one projection. Outputs
// and gradients are contiguous. Differentiable (once) in q, k, v. Throws Error(usage) naming shapes, dtypes and devices
// when they do not fit each other. Gradients are the same bit for bit for any number of threads.
//   CPU fp32    vectorised tiles (AVX2 or AVX-512, chosen at run time), no T x S buffer: arXiv 2205.14135, 2307.08691
//   CPU 16-bit  the same, computed in fp32
//   CPU fp64    the reference, both ways
//   GPU 16-bit  CUDA kernels (kernels/attention/device) for head sizes 64, 72, 128, 256; others are refused, as are
//               rows not aligned to 16 bytes; LibTorch's operators only when they were chosen
//               (kernels/cuda/cuda_kernels.h)
//   elsewhere   ATen's operators with a dense T x S mask stand in (GPU fp32 and fp64; processors without AVX2)
at::Tensor attention(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                     std::shared_ptr<const VisibleKeys> visible, const AttentionOptions& options = {});

// Without autograd, with the log-sum-exp: decode and tests.
AttentionResult attention_forward(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                                  const VisibleKeys& visible, const AttentionOptions& options = {});

// Whether the GPU kernels are instantiated for this head size; the list as text, for errors.
bool gpu_attention_takes(int64_t head_size);
std::string gpu_attention_head_sizes();

// Plain loops in fp64 over every pair, for tests and selftest: slow and obvious. Any floating input dtype, fp64 output.
struct AttentionReference {
  at::Tensor o_THD, lse_HT, dq_THD, dk_SGD, dv_SGD;  // gradients only when `grad_o` was given
};
AttentionReference attention_reference(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                                       const VisibleKeys& visible, const AttentionOptions& options = {},
                                       const std::optional<at::Tensor>& grad_o = std::nullopt);

}  // namespace dermis
