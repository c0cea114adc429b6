#include <ATen/ATen.h>

#include "benchmarks/attention/rivals.h"

namespace dermis {
namespace {

AttentionFunction packed(const AttentionWorkload& w, const AttentionOperands& x, bool repeat, std::string name) {
  const VisibleKeys visible = w.visible();
  const auto one_row = [](const at::Tensor& t) { return t.unsqueeze(0).clone(); };
  const at::Tensor mask =
      additive_mask(seen_TS(visible), x.q.options()).view({1, 1, visible.row_count(), visible.key_count()});
  return {std::move(name),
          {one_row(x.q), one_row(x.k), one_row(x.v), one_row(x.grad_o)},
          sdpa({mask}, w.heads / w.kv_heads, repeat),
          [](const at::Tensor& t) { return t.squeeze(0); }};
}

AttentionFunction padded(const AttentionWorkload& w, const AttentionOperands& x, bool repeat, std::string name) {
  PaddedBatch batch = padded_batch(w, x);
  return {std::move(name), batch.operands,
          sdpa({additive_mask(batch.seen, x.q.options())}, w.heads / w.kv_heads, repeat), batch.packed};
}

}  // namespace

std::vector<RivalMaker> cpu_rivals(const AttentionWorkload& workload, const AttentionOperands& operands) {
  std::vector<RivalMaker> rivals;
  for (const bool repeat : {true, false}) {
    const bool grouped = workload.heads != workload.kv_heads;
    if (!repeat && !grouped) continue;
    const std::string suffix = repeat ? "" : ", enable_gqa";
    const auto add = [&](const char* name, auto function) {
      const std::string full = name + suffix;
      rivals.push_back({full, [=] { return autograd_contender(function(workload, operands, repeat, full)); }});
    };
    add("SDPA, dense mask", packed);
    if (workload.sequences() > 1) add("SDPA, padded batch", padded);
  }
  return rivals;
}

}  // namespace dermis
