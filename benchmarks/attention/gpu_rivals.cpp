#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <fmt/format.h>
#include <torch/csrc/autograd/autograd.h>

#include <numeric>

#include "benchmarks/attention/rivals.h"
#include "kernels/attention/attention_dense.h"

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

// ATen's flash kernel on the packed axis, with the sequences' offsets; also the one with a window.
std::unique_ptr<AttentionContender> packed_flash(const AttentionWorkload& w, const AttentionOperands& x,
                                                 std::string name) {
  std::vector<int32_t> offsets(w.lengths.size() + 1, 0);
  std::partial_sum(w.lengths.begin(), w.lengths.end(), offsets.begin() + 1);
  const at::Tensor starts = at::tensor(offsets, at::kInt).to(x.q.device());
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

// Prefix-LM of equal sequences as two calls of the flash kernel: rows [0, P) over keys [0, P), and rows [P, S) over all
// keys, causal from the bottom right. Rows of the two do not overlap, so outputs need no merging; the keys of the
// prefix get two gradients, which are added.
class TwoCalls : public AttentionContender {
 public:
  TwoCalls(const AttentionWorkload& w, const AttentionOperands& x, std::string name)
      : AttentionContender(std::move(name)) {
    const AttentionOperands batch = as_batch(w, x);
    const int64_t prefix = w.prefixes.front(), rest = w.longest() - prefix;
    const auto first = [&](const at::Tensor& t) { return t.narrow(1, 0, prefix); };
    const auto last = [&](const at::Tensor& t) { return t.narrow(1, prefix, rest); };
    parts_ = {Part{{first(batch.q), first(batch.k), first(batch.v), first(batch.grad_o)}, false},
              Part{{last(batch.q), batch.k, batch.v, last(batch.grad_o)}, true}};
    const auto leaf = [](at::Tensor& t) { t = t.detach().requires_grad_(); };
    for (Part& part : parts_)
      for (at::Tensor* t : {&part.x.q, &part.x.k, &part.x.v}) leaf(*t);
  }
  void forward() override {
    const at::NoGradGuard no_grad;
    for (const Part& part : parts_) call(part);
  }
  void forward_for_backward() override {
    for (Part& part : parts_) part.o = call(part);
  }
  void backward() override {
    for (Part& part : parts_)
      part.gradients = torch::autograd::grad({part.o}, {part.x.q, part.x.k, part.x.v}, {part.x.grad_o}, true);
    for (const size_t operand : {1, 2})
      parts_[1].gradients[operand].narrow(1, 0, parts_[0].x.k.size(1)).add_(parts_[0].gradients[operand]);
  }
  std::vector<at::Tensor> results() const override {
    const auto joined = [&](const at::Tensor& a, const at::Tensor& b) { return packed_rows(at::cat({a, b}, 1)); };
    return {joined(parts_[0].o.detach(), parts_[1].o.detach()), joined(parts_[0].gradients[0], parts_[1].gradients[0]),
            packed_rows(parts_[1].gradients[1]), packed_rows(parts_[1].gradients[2])};
  }

 private:
  struct Part {
    AttentionOperands x;
    bool causal;
    at::Tensor o = {};
    std::vector<at::Tensor> gradients = {};
  };
  static at::Tensor call(const Part& part) {
    return std::get<0>(at::_flash_attention_forward(part.x.q, part.x.k, part.x.v, std::nullopt, std::nullopt,
                                                    part.x.q.size(1), part.x.k.size(1), 0.0, part.causal, false));
  }
  std::vector<Part> parts_;
};

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
  if (w.mask == MaskKind::prefix_lm && w.uniform()) {
    const std::string name = "flash, two calls";
    rivals.push_back({name, [=] { return std::make_unique<TwoCalls>(w, x, name); }});
  }
  return rivals;
}

}  // namespace dermis
