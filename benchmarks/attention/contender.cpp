#include "benchmarks/attention/contender.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <limits>

#include "core/error.h"
#include "kernels/attention/attention.h"
#include "kernels/attention/attention_decode.h"

namespace dermis {
namespace {

class AutogradContender : public AttentionContender {
 public:
  explicit AutogradContender(AttentionFunction function)
      : AttentionContender(function.name), function_(std::move(function)) {
    const auto leaf = [](const at::Tensor& x) { return x.detach().requires_grad_(); };
    leaves_ = {leaf(function_.operands.q), leaf(function_.operands.k), leaf(function_.operands.v), {}};
  }
  void forward() override {
    const at::NoGradGuard no_grad;
    o_ = function_.forward(function_.operands);
  }
  void forward_for_backward() override { o_ = recorded_ = function_.forward(leaves_); }
  void backward() override {
    gradients_ = torch::autograd::grad({recorded_}, {leaves_.q, leaves_.k, leaves_.v}, {function_.operands.grad_o},
                                       /*retain_graph=*/true);
  }
  std::vector<at::Tensor> results() const override {
    std::vector<at::Tensor> all{function_.packed(o_.detach())};
    for (const at::Tensor& gradient : gradients_) all.push_back(function_.packed(gradient));
    return all;
  }

 private:
  AttentionFunction function_;
  AttentionOperands leaves_;
  at::Tensor o_, recorded_;  // of the last call; with what backward needs
  std::vector<at::Tensor> gradients_;
};

at::Tensor repeat_heads(const at::Tensor& x, int64_t group) {
  return x.unsqueeze(2).expand({-1, -1, group, -1, -1}).reshape({x.size(0), x.size(1) * group, x.size(2), x.size(3)});
}

at::Tensor padded(const AttentionWorkload& workload, const at::Tensor& x) {
  at::Tensor out = at::zeros({workload.sequences(), workload.longest(), x.size(1), x.size(2)}, x.options());
  int64_t row = 0;
  for (int64_t b = 0; b < workload.sequences(); ++b) {
    const int64_t length = workload.lengths[static_cast<size_t>(b)];
    out[b].narrow(0, 0, length).copy_(x.narrow(0, row, length));
    row += length;
  }
  return out;
}

// Rows of packed sequences as pages, page i at place order[i]; what is left of a sequence's last page is zeros.
at::Tensor in_pages(const at::Tensor& x, int64_t sequences, const at::Tensor& order) {
  const int64_t length = x.size(0) / sequences, pages = order.size(0) / sequences;
  at::Tensor rows = at::zeros({sequences, pages * kPageTokens, x.size(1), x.size(2)}, x.options());
  rows.narrow(1, 0, length).copy_(x.view({sequences, length, x.size(1), x.size(2)}));
  const at::Tensor in_order = rows.view({sequences * pages, kPageTokens, x.size(1), x.size(2)});
  return at::empty_like(in_order).index_copy_(0, order.to(x.device()), in_order);
}

std::unique_ptr<AttentionContender> own_decode(const AttentionWorkload& workload, const AttentionOperands& operands) {
  const CachedBatch batch = cached_batch(workload, operands);
  const auto sequences = batch.page_table.defined() ? CachedSequences::paged(workload.lengths, batch.page_table)
                                                    : CachedSequences::contiguous(workload.lengths);
  const AttentionDecodeOptions options{.softcap = workload.softcap, .window = workload.window};
  return autograd_contender(
      {"Dermis", batch.operands,
       [=](const AttentionOperands& x) { return attention_decode(x.q, x.k, x.v, sequences, options).o_BNHD; },
       [](const at::Tensor& x) { return x.flatten(0, 1); }});
}

}  // namespace

bool needs_cached_batch(const AttentionWorkload& workload) {
  return workload.mask == MaskKind::cached && (workload.paged || workload.window > 0);
}

CachedBatch cached_batch(const AttentionWorkload& workload, const AttentionOperands& x) {
  DERMIS_CHECK(workload.uniform(), "sequences of one length");
  const int64_t sequences = workload.sequences();
  const auto batched = [&](const at::Tensor& t) { return t.view({sequences, -1, t.size(1), t.size(2)}); };
  if (!workload.paged) return {{batched(x.q), batched(x.k), batched(x.v), batched(x.grad_o)}, {}};
  const int64_t pages = (workload.longest() + kPageTokens - 1) / kPageTokens;
  const at::Tensor order = at::randperm(sequences * pages, at::kLong);
  return {{batched(x.q), in_pages(x.k, sequences, order), in_pages(x.v, sequences, order), batched(x.grad_o)},
          order.to(at::kInt).view({sequences, pages})};
}

AttentionOperands random_operands(const AttentionWorkload& workload, const at::TensorOptions& options) {
  const VisibleKeys visible = workload.visible();
  at::manual_seed(1);
  const auto random = [&](int64_t tokens, int64_t heads) {
    return at::randn({tokens, heads, workload.head_size}, options);
  };
  return {random(visible.row_count(), workload.heads), random(visible.key_count(), workload.kv_heads),
          random(visible.key_count(), workload.kv_heads), random(visible.row_count(), workload.heads)};
}

std::unique_ptr<AttentionContender> autograd_contender(AttentionFunction function) {
  return std::make_unique<AutogradContender>(std::move(function));
}

std::unique_ptr<AttentionContender> own_attention(const AttentionWorkload& workload,
                                                  const AttentionOperands& operands) {
  if (needs_cached_batch(workload)) return own_decode(workload, operands);
  const auto visible = std::make_shared<const VisibleKeys>(workload.visible());
  const AttentionOptions options{.scale = 0, .softcap = workload.softcap};
  return autograd_contender({"Dermis", operands,
                             [=](const AttentionOperands& x) { return attention(x.q, x.k, x.v, visible, options); },
                             [](const at::Tensor& x) { return x; }});
}

at::Tensor seen_TS(const VisibleKeys& visible) {
  at::Tensor seen = at::zeros({visible.row_count(), visible.key_count()}, at::kBool);
  for (int32_t i = 0; i < visible.row_count(); ++i) {
    const int32_t lo = visible.lo()[static_cast<size_t>(i)], hi = visible.hi()[static_cast<size_t>(i)];
    seen[i].narrow(0, lo, hi - lo).fill_(true);
  }
  return seen;
}

at::Tensor additive_mask(const at::Tensor& seen, const at::TensorOptions& options) {
  const at::Tensor there = seen.to(options.device());
  return at::zeros(seen.sizes(), options).masked_fill_(there.logical_not(), -std::numeric_limits<double>::infinity());
}

PaddedBatch padded_batch(const AttentionWorkload& workload, const AttentionOperands& operands) {
  const VisibleKeys visible = workload.visible();
  const int64_t most = workload.longest();
  at::Tensor seen = at::zeros({workload.sequences(), 1, most, most}, at::kBool);
  int64_t row = 0;
  for (int64_t b = 0; b < workload.sequences(); ++b) {
    const int64_t length = workload.lengths[static_cast<size_t>(b)];
    for (int64_t i = 0; i < length; ++i) {
      const auto at = static_cast<size_t>(row + i);
      seen[b][0][i].narrow(0, visible.lo()[at] - row, visible.hi()[at] - visible.lo()[at]).fill_(true);
    }
    // Padding rows see the first token, as a softmax over nothing is undefined.
    if (length < most) seen[b][0].narrow(0, length, most - length).narrow(1, 0, 1).fill_(true);
    row += length;
  }
  const auto packed = [lengths = workload.lengths](const at::Tensor& x) {
    std::vector<at::Tensor> parts;
    for (size_t b = 0; b < lengths.size(); ++b) parts.push_back(x[static_cast<int64_t>(b)].narrow(0, 0, lengths[b]));
    return at::cat(parts);
  };
  return {{padded(workload, operands.q), padded(workload, operands.k), padded(workload, operands.v),
           padded(workload, operands.grad_o)},
          seen,
          packed};
}

std::function<at::Tensor(const AttentionOperands&)> sdpa(const SdpaMask& mask, int64_t group, bool repeat) {
  return [=](const AttentionOperands& x) {
    at::Tensor q = x.q.transpose(1, 2), k = x.k.transpose(1, 2), v = x.v.transpose(1, 2);
    if (repeat && group > 1) {
      k = repeat_heads(k, group);
      v = repeat_heads(v, group);
    }
    const std::optional<at::Tensor> additive =
        mask.additive.defined() ? std::optional<at::Tensor>(mask.additive) : std::nullopt;
    return at::scaled_dot_product_attention(q, k, v, additive, 0.0, mask.causal, std::nullopt, !repeat && group > 1)
        .transpose(1, 2);
  };
}

}  // namespace dermis
