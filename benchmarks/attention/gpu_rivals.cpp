#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <numeric>

#include "benchmarks/attention/rivals.h"
#include "kernels/attention/attention_dense.h"
#include "kernels/attention/device/decode_launch.h"

namespace dermis {
namespace {

// The back end that ATen's operator takes while this lives, and no other.
enum class SdpBackend { flash, cudnn, efficient, math };
constexpr SdpBackend kBackends[] = {SdpBackend::cudnn, SdpBackend::flash, SdpBackend::efficient, SdpBackend::math};

const char* name_of(SdpBackend backend) {
  switch (backend) {
    case SdpBackend::flash: return "flash";
    case SdpBackend::cudnn: return "cuDNN";
    case SdpBackend::efficient: return "memory-efficient";
    case SdpBackend::math: break;
  }
  return "math";
}

class OnlyBackend {
 public:
  explicit OnlyBackend(SdpBackend backend) {
    set(backend == SdpBackend::flash, backend == SdpBackend::cudnn, backend == SdpBackend::efficient,
        backend == SdpBackend::math);
  }
  ~OnlyBackend() { set(true, true, true, true); }
  OnlyBackend(const OnlyBackend&) = delete;
  OnlyBackend& operator=(const OnlyBackend&) = delete;

 private:
  static void set(bool flash, bool cudnn, bool efficient, bool math) {
    at::Context& context = at::globalContext();
    context.setSDPUseFlash(flash);
    context.setSDPUseCuDNN(cudnn);
    context.setSDPUseMemEfficient(efficient);
    context.setSDPUseMath(math);
  }
};

std::function<at::Tensor(const AttentionOperands&)> with_backend(
    SdpBackend backend, std::function<at::Tensor(const AttentionOperands&)> f) {
  return [backend, f = std::move(f)](const AttentionOperands& x) {
    const OnlyBackend only(backend);
    return f(x);
  };
}

bool needs_repeated_heads(SdpBackend backend) { return backend == SdpBackend::efficient; }

// Sequences of one length as a batch: a view.
AttentionOperands as_batch(const AttentionWorkload& w, const AttentionOperands& x) {
  const auto view = [&](const at::Tensor& t) { return t.view({w.sequences(), -1, t.size(1), t.size(2)}); };
  return {view(x.q), view(x.k), view(x.v), view(x.grad_o)};
}
at::Tensor packed_rows(const at::Tensor& t) { return t.flatten(0, 1); }

std::unique_ptr<AttentionContender> batched(const AttentionWorkload& w, const AttentionOperands& x, SdpBackend backend,
                                            std::string name) {
  return autograd_contender({std::move(name), as_batch(w, x),
                             with_backend(backend, sdpa({.additive = {}, .causal = w.mask == MaskKind::causal},
                                                        w.heads / w.kv_heads, needs_repeated_heads(backend))),
                             packed_rows});
}

std::unique_ptr<AttentionContender> padded(const AttentionWorkload& w, const AttentionOperands& x, SdpBackend backend,
                                           std::string name) {
  PaddedBatch batch = padded_batch(w, x);
  const SdpaMask mask{additive_mask(batch.seen, x.q.options())};
  return autograd_contender({std::move(name), batch.operands,
                             with_backend(backend, sdpa(mask, w.heads / w.kv_heads, needs_repeated_heads(backend))),
                             batch.packed});
}

// One operator after the other, as transformers' eager attention.
std::unique_ptr<AttentionContender> composed(const AttentionWorkload& w, const AttentionOperands& x, std::string name) {
  const auto visible = std::make_shared<const VisibleKeys>(w.visible());
  const AttentionOptions options{.scale = 0, .softcap = w.softcap};
  return autograd_contender(
      {std::move(name), x,
       [=](const AttentionOperands& in) { return attention_dense(in.q, in.k, in.v, *visible, options); },
       [](const at::Tensor& t) { return t; }});
}

at::Tensor starts_of(const std::vector<int32_t>& lengths, at::Device device) {
  std::vector<int32_t> starts(lengths.size() + 1, 0);
  std::partial_sum(lengths.begin(), lengths.end(), starts.begin() + 1);
  return at::tensor(starts, at::kInt).to(device);
}

// ATen's flash kernel on the packed axis, with the sequences' offsets; also the one with a window.
std::unique_ptr<AttentionContender> packed_flash(const AttentionWorkload& w, const AttentionOperands& x,
                                                 std::string name) {
  const at::Tensor starts = starts_of(w.lengths, x.q.device());
  const int64_t most = w.longest();
  const bool causal = w.mask != MaskKind::full;
  const auto left = w.window > 0 ? std::optional<int64_t>(w.window - 1) : std::nullopt;
  const auto right = w.window > 0 ? std::optional<int64_t>(0) : std::nullopt;
  const auto forward = [=](const AttentionOperands& in) {
    return std::get<0>(at::_flash_attention_forward(in.q, in.k, in.v, starts, starts, most, most, 0.0, causal, false,
                                                    std::nullopt, left, right));
  };
  return autograd_contender({std::move(name), x, forward, [](const at::Tensor& t) { return t; }});
}

// Prefix-LM as two calls of the flash kernel with the sequences' offsets: rows [0, P) over keys [0, P), and rows [P, S)
// over all keys, causal from the bottom right. Rows of the two do not overlap, so outputs need no merging; the keys of
// the prefix get two gradients, which are added. Rows and keys of the prefixes are gathered beforehand, in no one's
// time.
class TwoCalls : public AttentionContender {
 public:
  TwoCalls(const AttentionWorkload& w, const AttentionOperands& x, std::string name)
      : AttentionContender(std::move(name)), prefix_(at::empty({0}, at::kLong)), rest_(prefix_) {
    std::vector<int64_t> prefix, rest;
    std::vector<int32_t> rest_lengths;
    int64_t row = 0;
    for (size_t b = 0; b < w.lengths.size(); ++b) {
      for (int32_t i = 0; i < w.lengths[b]; ++i, ++row) (i < w.prefixes[b] ? prefix : rest).push_back(row);
      rest_lengths.push_back(w.lengths[b] - w.prefixes[b]);
    }
    const at::Device device = x.q.device();
    prefix_ = at::tensor(prefix, at::kLong).to(device);
    rest_ = at::tensor(rest, at::kLong).to(device);
    const auto of_prefix = [&](const at::Tensor& t) { return t.index_select(0, prefix_); };
    const auto of_rest = [&](const at::Tensor& t) { return t.index_select(0, rest_); };
    parts_ = {Part{.x = {of_prefix(x.q), of_prefix(x.k), of_prefix(x.v), of_prefix(x.grad_o)},
                   .row_starts = starts_of(w.prefixes, device),
                   .key_starts = starts_of(w.prefixes, device),
                   .most_rows = longest(w.prefixes),
                   .most_keys = longest(w.prefixes),
                   .causal = false},
              Part{.x = {of_rest(x.q), x.k, x.v, of_rest(x.grad_o)},
                   .row_starts = starts_of(rest_lengths, device),
                   .key_starts = starts_of(w.lengths, device),
                   .most_rows = longest(rest_lengths),
                   .most_keys = longest(w.lengths),
                   .causal = true}};
    const auto leaf = [](at::Tensor& t) { t = t.detach().requires_grad_(); };
    for (Part& part : parts_)
      for (at::Tensor* t : {&part.x.q, &part.x.k, &part.x.v}) leaf(*t);
  }
  void forward() override {
    const at::NoGradGuard no_grad;
    for (Part& part : parts_) part.o = call(part);
  }
  void forward_for_backward() override {
    for (Part& part : parts_) part.o = part.recorded = call(part);
  }
  void backward() override {
    for (Part& part : parts_)
      part.gradients = torch::autograd::grad({part.recorded}, {part.x.q, part.x.k, part.x.v}, {part.x.grad_o}, true);
    for (const size_t operand : {1, 2})
      parts_[1].gradients[operand].index_add_(0, prefix_, parts_[0].gradients[operand]);
  }
  std::vector<at::Tensor> results() const override {
    std::vector<at::Tensor> all{joined(parts_[0].o.detach(), parts_[1].o.detach())};
    if (parts_[1].gradients.empty()) return all;
    all.push_back(joined(parts_[0].gradients[0], parts_[1].gradients[0]));
    all.push_back(parts_[1].gradients[1]);
    all.push_back(parts_[1].gradients[2]);
    return all;
  }

 private:
  struct Part {
    AttentionOperands x;
    at::Tensor row_starts, key_starts;  // [sequences + 1]
    int64_t most_rows, most_keys;       // of a sequence
    bool causal;
    at::Tensor o = {}, recorded = {};
    std::vector<at::Tensor> gradients = {};
  };
  static int64_t longest(const std::vector<int32_t>& lengths) { return *std::ranges::max_element(lengths); }
  static at::Tensor call(const Part& part) {
    return std::get<0>(at::_flash_attention_forward(part.x.q, part.x.k, part.x.v, part.row_starts, part.key_starts,
                                                    part.most_rows, part.most_keys, 0.0, part.causal, false));
  }
  at::Tensor joined(const at::Tensor& of_prefix, const at::Tensor& of_rest) const {
    at::Tensor all = at::empty({prefix_.numel() + rest_.numel(), of_rest.size(1), of_rest.size(2)}, of_rest.options());
    return all.index_copy_(0, prefix_, of_prefix).index_copy_(0, rest_, of_rest);
  }

  at::Tensor prefix_, rest_;  // rows of the packed axis
  std::vector<Part> parts_;
};

// Keys that are seen, as a view of the cache (a window) or gathered into one (pages), then ATen's operator.
std::unique_ptr<AttentionContender> from_cache(const AttentionWorkload& w, const AttentionOperands& x,
                                               SdpBackend backend, std::string name) {
  const CachedBatch batch = cached_batch(w, x);
  const int64_t length = w.longest(), first = w.window > 0 ? std::max(0, w.longest() - w.window) : 0;
  at::Tensor pages;
  if (w.paged) {
    const int64_t before = first / kPageTokens;
    pages = batch.page_table.slice(1, before).flatten().to(x.q.device(), at::kLong);
  }
  const auto seen = [=, count = w.sequences()](const at::Tensor& cache) {
    if (!pages.defined()) return cache.narrow(1, first, length - first);
    return cache.index_select(0, pages)
        .view({count, -1, cache.size(2), cache.size(3)})
        .narrow(1, first % kPageTokens, length - first);
  };
  const auto attend = with_backend(
      backend, sdpa({.additive = {}, .causal = false}, w.heads / w.kv_heads, needs_repeated_heads(backend)));
  return autograd_contender({std::move(name), batch.operands,
                             [=](const AttentionOperands& in) {
                               return attend({in.q, seen(in.k), seen(in.v), in.grad_o});
                             },
                             packed_rows});
}

bool has_packed_flash(const AttentionWorkload& w) {
  return w.mask == MaskKind::full || w.mask == MaskKind::causal || w.mask == MaskKind::window;
}

}  // namespace

std::vector<RivalMaker> gpu_rivals(const AttentionWorkload& w, const AttentionOperands& x) {
  std::vector<RivalMaker> rivals;
  if (w.softcap > 0) {  // none of ATen's kernels has it
    rivals.push_back({"operators, dense mask", [=] { return composed(w, x, "operators, dense mask"); }});
    return rivals;
  }
  if (needs_cached_batch(w)) {
    for (const SdpBackend backend : kBackends) {
      const std::string name =
          fmt::format("SDPA {}, {}", name_of(backend), w.paged ? "gathered pages" : "sliced window");
      rivals.push_back({name, [=] { return from_cache(w, x, backend, name); }});
    }
    return rivals;
  }
  const bool as_it_is =
      w.uniform() && (w.mask == MaskKind::full || w.mask == MaskKind::causal || w.mask == MaskKind::cached);
  for (const SdpBackend backend : kBackends) {
    if (!as_it_is && backend == SdpBackend::flash) continue;  // takes no mask
    const std::string name = fmt::format("SDPA {}{}", name_of(backend), as_it_is ? "" : ", dense mask");
    rivals.push_back({name, [=] { return as_it_is ? batched(w, x, backend, name) : padded(w, x, backend, name); }});
  }
  if (!as_it_is && has_packed_flash(w)) {
    const std::string name = "flash, packed";
    rivals.push_back({name, [=] { return packed_flash(w, x, name); }});
  }
  if (w.mask == MaskKind::prefix_lm) {
    const std::string name = "flash, two calls";
    rivals.push_back({name, [=] { return std::make_unique<TwoCalls>(w, x, name); }});
  }
  return rivals;
}

}  // namespace dermis
