#include "benchmarks/attention/reference.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <limits>

namespace dermis {
namespace {

// Rows and keys of one sequence within the packed axes.
struct Sequence {
  int64_t row, rows, key, keys;
};

std::vector<Sequence> sequences_of(const AttentionWorkload& workload) {
  std::vector<Sequence> sequences;
  Sequence next{0, 0, 0, 0};
  for (const int32_t length : workload.lengths) {
    next = {next.row + next.rows, workload.mask == MaskKind::cached ? 1 : length, next.key + next.keys, length};
    sequences.push_back(next);
  }
  return sequences;
}

at::Tensor bounds(std::span<const int32_t> ends, const Sequence& s, at::Device device) {
  at::Tensor column = at::empty({s.rows, 1}, at::kInt);
  for (int64_t i = 0; i < s.rows; ++i)
    column.mutable_data_ptr<int32_t>()[i] = ends[static_cast<size_t>(s.row + i)] - static_cast<int32_t>(s.key);
  return column.to(device);
}

// q [rows, heads of the group, D], k and v [keys, D].
at::Tensor plain_attention(const AttentionWorkload& workload, const at::Tensor& q, const at::Tensor& k,
                           const at::Tensor& v, const at::Tensor& hidden) {
  const double scale = 1 / std::sqrt(static_cast<double>(workload.head_size));
  at::Tensor scores = at::matmul(q.transpose(0, 1), k.t()) * scale;
  if (workload.softcap > 0) scores = at::tanh(scores / workload.softcap) * workload.softcap;
  scores = scores.masked_fill(hidden, -std::numeric_limits<double>::infinity());
  return at::matmul(at::softmax(scores, -1), v).transpose(0, 1);
}

}  // namespace

std::vector<at::Tensor> reference_results(const AttentionWorkload& workload, const AttentionOperands& x) {
  const VisibleKeys visible = workload.visible();
  const int64_t group = workload.heads / workload.kv_heads;
  const auto fp32 = x.q.options().dtype(at::kFloat);
  std::vector<at::Tensor> results{at::zeros(x.q.sizes(), fp32), at::zeros(x.q.sizes(), fp32),
                                  at::zeros(x.k.sizes(), fp32), at::zeros(x.v.sizes(), fp32)};
  for (const Sequence& s : sequences_of(workload)) {
    const at::Tensor keys = at::arange(s.keys, x.q.options().dtype(at::kInt));
    const at::Tensor hidden =
        keys.lt(bounds(visible.lo(), s, x.q.device())).logical_or(keys.ge(bounds(visible.hi(), s, x.q.device())));
    for (int64_t g = 0; g < workload.kv_heads; ++g) {
      const auto rows = [&](const at::Tensor& t) { return t.narrow(0, s.row, s.rows).narrow(1, g * group, group); };
      const auto columns = [&](const at::Tensor& t) { return t.narrow(0, s.key, s.keys).select(1, g); };
      const auto leaf = [](const at::Tensor& t) { return t.detach().to(at::kFloat).requires_grad_(); };
      const at::Tensor q = leaf(rows(x.q)), k = leaf(columns(x.k)), v = leaf(columns(x.v));
      const at::Tensor o = plain_attention(workload, q, k, v, hidden);
      const auto gradients = torch::autograd::grad({o}, {q, k, v}, {rows(x.grad_o).to(at::kFloat)});
      rows(results[0]).copy_(o.detach());
      rows(results[1]).copy_(gradients[0]);
      columns(results[2]).copy_(gradients[1]);
      columns(results[3]).copy_(gradients[2]);
    }
  }
  return results;
}

double allowed_error(at::ScalarType dtype) { return dtype == at::kBFloat16 ? 3e-2 : dtype == at::kHalf ? 4e-3 : 1e-4; }

}  // namespace dermis
