#include "kernels/attention/attention_dense.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <limits>

#include "kernels/attention/attention_checks.h"

namespace dermis {

namespace {

at::Tensor ends_T1(std::span<const int32_t> ends, at::Device device) {
  const at::Tensor host = at::from_blob(const_cast<int32_t*>(ends.data()), {static_cast<int64_t>(ends.size()), 1},
                                        at::TensorOptions().dtype(at::kInt));
  return host.to(device, /*non_blocking=*/false, /*copy=*/true);
}

// Scores [H, T, S] with -inf where nothing is seen, in the inputs' dtype.
at::Tensor masked_scores(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& mask_TS,
                         const AttentionOptions& options) {
  const int64_t group = q_THD.size(1) / k_SGD.size(1);
  const at::Tensor k_HSD = k_SGD.transpose(0, 1).repeat_interleave(group, 0);
  at::Tensor scores = at::matmul(q_THD.transpose(0, 1), k_HSD.transpose(1, 2)) * attention_scale(q_THD, options);
  if (options.softcap != 0) scores = at::tanh(scores / options.softcap) * options.softcap;
  return scores.masked_fill(mask_TS.logical_not(), -std::numeric_limits<double>::infinity());
}

}  // namespace

at::Tensor dense_mask(const VisibleKeys& visible, at::Device device) {
  const at::Tensor keys_S = at::arange(visible.key_count(), at::TensorOptions().dtype(at::kInt).device(device));
  return keys_S.ge(ends_T1(visible.lo(), device)).logical_and(keys_S.lt(ends_T1(visible.hi(), device)));
}

at::Tensor attention_dense(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                           const VisibleKeys& visible, const AttentionOptions& options) {
  if (k_SGD.size(0) == 0) return q_THD * 0;
  const at::Tensor mask_TS = dense_mask(visible, q_THD.device());
  // A row that sees no key is given all of them and zeroed afterwards: softmax over nothing would be NaN.
  const at::Tensor seeing_T1 = mask_TS.any(1, /*keepdim=*/true);
  const at::Tensor safe_TS = mask_TS.logical_or(seeing_T1.logical_not());
  at::Tensor o_HTD;
  if (options.softcap == 0) {
    o_HTD = at::scaled_dot_product_attention(q_THD.transpose(0, 1).unsqueeze(0), k_SGD.transpose(0, 1).unsqueeze(0),
                                             v_SGD.transpose(0, 1).unsqueeze(0), safe_TS.unsqueeze(0).unsqueeze(0), 0.0,
                                             false, attention_scale(q_THD, options), q_THD.size(1) != k_SGD.size(1))
                .squeeze(0);
  } else {
    const int64_t group = q_THD.size(1) / k_SGD.size(1);
    o_HTD = at::matmul(masked_scores(q_THD, k_SGD, safe_TS, options).softmax(-1),
                       v_SGD.transpose(0, 1).repeat_interleave(group, 0));
  }
  return at::where(seeing_T1, o_HTD, at::zeros({}, o_HTD.options())).transpose(0, 1).contiguous();
}

AttentionResult attention_dense_forward(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                                        const VisibleKeys& visible, const AttentionOptions& options) {
  const at::NoGradGuard no_grad;
  const at::Tensor o_THD = attention_dense(q_THD, k_SGD, v_SGD, visible, options);
  const at::Tensor q32 = q_THD.to(at::kFloat);
  const at::Tensor scores = masked_scores(q32, k_SGD.to(at::kFloat), dense_mask(visible, q_THD.device()), options);
  return {o_THD, scores.logsumexp(-1)};
}

}  // namespace dermis
