#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_checks.h"

namespace dermis {

namespace {

// Everything as contiguous fp64, one (row, head) at a time.
struct Reference {
  const double *q, *k, *v, *grad_o;
  double *o, *lse, *dq, *dk, *dv;
  int64_t T, S, H, G, D;
  double scale, softcap;

  const double* key(int64_t s, int64_t h) const { return k + (s * G + h / (H / G)) * D; }
  const double* value(int64_t s, int64_t h) const { return v + (s * G + h / (H / G)) * D; }

  // Scores of (row t, head h) for keys [lo, hi), after the soft-cap.
  void score_row(int64_t t, int64_t h, int32_t lo, int32_t hi, std::vector<double>& scores) const {
    scores.clear();
    for (int64_t s = lo; s < hi; ++s) {
      double dot = 0;
      for (int64_t d = 0; d < D; ++d) dot += q[(t * H + h) * D + d] * key(s, h)[d];
      scores.push_back(softcap != 0 ? softcap * std::tanh(dot * scale / softcap) : dot * scale);
    }
  }

  void forward_row(int64_t t, int64_t h, int32_t lo, const std::vector<double>& scores) const {
    double largest = -std::numeric_limits<double>::infinity();
    for (const double score : scores) largest = std::max(largest, score);
    double sum = 0;
    double* o_row = o + (t * H + h) * D;
    for (size_t i = 0; i < scores.size(); ++i) {
      const double weight = std::exp(scores[i] - largest);
      sum += weight;
      for (int64_t d = 0; d < D; ++d) o_row[d] += weight * value(lo + static_cast<int64_t>(i), h)[d];
    }
    if (!scores.empty()) {
      for (int64_t d = 0; d < D; ++d) o_row[d] /= sum;
    }
    lse[h * T + t] = largest + std::log(sum);
  }

  void backward_row(int64_t t, int64_t h, int32_t lo, const std::vector<double>& scores) const {
    const int64_t row = (t * H + h) * D;
    double o_dot_grad = 0;
    for (int64_t d = 0; d < D; ++d) o_dot_grad += o[row + d] * grad_o[row + d];
    for (size_t i = 0; i < scores.size(); ++i) {
      const int64_t s = lo + static_cast<int64_t>(i);
      const double weight = std::exp(scores[i] - lse[h * T + t]);
      double grad_weight = 0;
      for (int64_t d = 0; d < D; ++d) grad_weight += grad_o[row + d] * value(s, h)[d];
      double grad_dot = weight * (grad_weight - o_dot_grad) * scale;
      if (softcap != 0) grad_dot *= 1 - (scores[i] / softcap) * (scores[i] / softcap);
      const int64_t key_row = (s * G + h / (H / G)) * D;
      for (int64_t d = 0; d < D; ++d) {
        dv[key_row + d] += weight * grad_o[row + d];
        dk[key_row + d] += grad_dot * q[row + d];
        dq[row + d] += grad_dot * k[key_row + d];
      }
    }
  }
};

}  // namespace

AttentionReference attention_reference(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                                       const VisibleKeys& visible, const AttentionOptions& options,
                                       const std::optional<at::Tensor>& grad_o) {
  check_attention(q_THD, k_SGD, v_SGD, visible, options);
  const at::NoGradGuard no_grad;
  const auto plain = [](const at::Tensor& x) { return x.to(at::kCPU, at::kDouble).contiguous(); };
  const at::Tensor q = plain(q_THD), k = plain(k_SGD), v = plain(v_SGD);
  const at::Tensor grad = grad_o ? plain(*grad_o) : at::Tensor();
  const int64_t T = q.size(0), H = q.size(1);
  AttentionReference result{at::zeros_like(q), at::empty({H, T}, q.options()), {}, {}, {}};
  if (grad_o) {
    result.dq_THD = at::zeros_like(q);
    result.dk_SGD = at::zeros_like(k);
    result.dv_SGD = at::zeros_like(v);
  }
  const auto gradient = [&](const at::Tensor& x) { return grad_o ? x.mutable_data_ptr<double>() : nullptr; };
  const Reference loops{q.const_data_ptr<double>(),
                        k.const_data_ptr<double>(),
                        v.const_data_ptr<double>(),
                        grad_o ? grad.const_data_ptr<double>() : nullptr,
                        result.o_THD.mutable_data_ptr<double>(),
                        result.lse_HT.mutable_data_ptr<double>(),
                        gradient(result.dq_THD),
                        gradient(result.dk_SGD),
                        gradient(result.dv_SGD),
                        T,
                        k.size(0),
                        H,
                        k.size(1),
                        q.size(2),
                        attention_scale(q_THD, options),
                        options.softcap};
  // One task a key/value head: it alone writes that head's gradients, in the order of the rows.
  at::parallel_for(0, loops.G, 1, [&](int64_t begin, int64_t end) {
    std::vector<double> scores;
    for (int64_t h = begin * (H / loops.G); h < end * (H / loops.G); ++h) {
      for (int64_t t = 0; t < T; ++t) {
        const int32_t lo = visible.lo()[static_cast<size_t>(t)], hi = visible.hi()[static_cast<size_t>(t)];
        loops.score_row(t, h, lo, hi, scores);
        loops.forward_row(t, h, lo, scores);
        if (grad_o) loops.backward_row(t, h, lo, scores);
      }
    }
  });
  return result;
}

}  // namespace dermis
