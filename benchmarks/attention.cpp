#include "benchmarks/attention.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "benchmarks/fma_peak.h"
#include "core/error.h"
#include "core/process.h"
#include "kernels/attention/attention.h"
#include "kernels/simd/cpu_features.h"

namespace dermis {

namespace {

struct Size {
  std::string name;
  std::vector<int32_t> lengths, prefixes;  // packed sequences
  int32_t window;                          // 0: none
  int64_t heads, groups, head_size;

  std::string title() const {
    const auto most = *std::max_element(lengths.begin(), lengths.end());
    return fmt::format("{}: {} x {} tokens, hd {}, heads {}:{}", name, lengths.size(), most, head_size, heads, groups);
  }
  VisibleKeys visible() const {
    const VisibleKeys packed = VisibleKeys::packed_prefix_lm(lengths, prefixes);
    return window > 0 ? packed.windowed(window) : packed;
  }
};

Size same(const char* name, size_t count, int32_t length, int32_t prefix, int64_t heads, int64_t groups,
          int64_t head_size) {
  return {name, std::vector<int32_t>(count, length), std::vector<int32_t>(count, prefix), 0, heads, groups, head_size};
}

std::vector<Size> all_sizes() {
  Size packed{"packed", {}, {}, 0, 8, 8, 64};
  for (int32_t i = 0; i < 16; ++i) {  // lengths 65 to 95, mean 80
    packed.lengths.push_back(65 + 2 * i * 7 % 32);
    packed.prefixes.push_back(packed.lengths.back() - 24);
  }
  Size window = same("window", 1, 2048, 0, 8, 4, 256);
  window.window = 1024;
  return {same("prefix-lm", 1, 1152, 1056, 8, 1, 256),
          packed,
          window,
          same("nano", 16, 112, 88, 6, 2, 32),
          same("tower-64", 64, 64, 64, 4, 4, 32),
          same("tower-196", 16, 196, 196, 6, 6, 64)};
}

// Inputs in the layout that projections write: [tokens, heads, head size].
struct Inputs {
  at::Tensor q, k, v, grad_o;
};

using Forward = std::function<at::Tensor(const Inputs&)>;

struct Contender {
  std::string name;
  Inputs inputs;
  Forward forward;
  std::function<at::Tensor(const at::Tensor&)> unpacked;  // [T, heads, D] of outputs or gradients, for the check
};

Inputs random_inputs(const Size& size, const VisibleKeys& visible) {
  at::manual_seed(1);
  const int64_t T = visible.row_count();
  const auto random = [&](int64_t heads) { return at::randn({T, heads, size.head_size}, at::kFloat); };
  return {random(size.heads), random(size.groups), random(size.groups), random(size.heads)};
}

at::Tensor additive_mask(const at::Tensor& seen) {
  return at::zeros(seen.sizes(), at::kFloat).masked_fill_(seen.logical_not(), -INFINITY);
}

at::Tensor dense_TT(const VisibleKeys& visible) {
  at::Tensor mask = at::zeros({visible.row_count(), visible.key_count()}, at::kBool);
  for (int32_t i = 0; i < visible.row_count(); ++i) {
    const int32_t lo = visible.lo()[static_cast<size_t>(i)], hi = visible.hi()[static_cast<size_t>(i)];
    mask[i].narrow(0, lo, hi - lo).fill_(true);
  }
  return mask;
}

// ATen's operator on [B, T, heads, D]; repeated key heads are what transformers passes beside a mask.
Forward sdpa(const at::Tensor& mask, const Size& size, bool repeat) {
  const int64_t group = size.heads / size.groups;
  return [=](const Inputs& x) {
    at::Tensor q = x.q.transpose(1, 2), k = x.k.transpose(1, 2), v = x.v.transpose(1, 2);
    const auto repeated = [&](const at::Tensor& t) {
      return t.unsqueeze(2)
          .expand({-1, -1, group, -1, -1})
          .reshape({t.size(0), t.size(1) * group, t.size(2), t.size(3)});
    };
    if (repeat && group > 1) {
      k = repeated(k);
      v = repeated(v);
    }
    return at::scaled_dot_product_attention(q, k, v, mask, 0.0, false, std::nullopt, !repeat && group > 1)
        .transpose(1, 2);
  };
}

Contender packed_peer(const Size& size, const Inputs& x, const VisibleKeys& visible, bool repeat) {
  const auto batch = [](const at::Tensor& t) { return t.unsqueeze(0).clone(); };
  return {repeat || size.heads == size.groups ? "SDPA, dense mask" : "SDPA, dense mask, enable_gqa",
          {batch(x.q), batch(x.k), batch(x.v), batch(x.grad_o)},
          sdpa(additive_mask(dense_TT(visible)).view({1, 1, visible.row_count(), visible.key_count()}), size, repeat),
          [](const at::Tensor& t) { return t.squeeze(0); }};
}

// Sequences as rows of a batch, padded to the longest: what a trainer without packing runs.
Contender padded_peer(const Size& size, const Inputs& x, const VisibleKeys& visible, bool repeat) {
  const auto batch = static_cast<int64_t>(size.lengths.size());
  const int64_t most = *std::max_element(size.lengths.begin(), size.lengths.end());
  const auto padded = [&](const at::Tensor& t) {
    at::Tensor out = at::zeros({batch, most, t.size(1), t.size(2)}, at::kFloat);
    int64_t row = 0;
    for (int64_t b = 0; b < batch; ++b) {
      const int64_t length = size.lengths[static_cast<size_t>(b)];
      out[b].narrow(0, 0, length).copy_(t.narrow(0, row, length));
      row += length;
    }
    return out;
  };
  at::Tensor seen = at::zeros({batch, 1, most, most}, at::kBool);
  int64_t row = 0;
  for (int64_t b = 0; b < batch; ++b) {
    const int64_t length = size.lengths[static_cast<size_t>(b)];
    for (int64_t i = 0; i < most; ++i) {  // padding rows see the first token, as softmax over nothing is undefined
      const auto at = static_cast<size_t>(row + std::min(i, length - 1));
      const int64_t lo = visible.lo()[at] - row, hi = visible.hi()[at] - row;
      i < length ? seen[b][0][i].narrow(0, lo, hi - lo).fill_(true) : seen[b][0][i].narrow(0, 0, 1).fill_(true);
    }
    row += length;
  }
  const auto unpacked = [lengths = size.lengths](const at::Tensor& t) {
    std::vector<at::Tensor> parts;
    for (size_t b = 0; b < lengths.size(); ++b) parts.push_back(t[static_cast<int64_t>(b)].narrow(0, 0, lengths[b]));
    return at::cat(parts);
  };
  return {repeat || size.heads == size.groups ? "SDPA, padded batch" : "SDPA, padded batch, enable_gqa",
          {padded(x.q), padded(x.k), padded(x.v), padded(x.grad_o)},
          sdpa(additive_mask(seen), size, repeat),
          unpacked};
}

std::vector<Contender> contenders_for(const Size& size) {
  const auto visible = std::make_shared<const VisibleKeys>(size.visible());
  const Inputs x = random_inputs(size, *visible);
  std::vector<Contender> result{{"Dermis", x,
                                 [visible](const Inputs& in) { return attention(in.q, in.k, in.v, visible); },
                                 [](const at::Tensor& t) { return t; }}};
  for (const bool repeat : {true, false}) {
    if (!repeat && size.heads == size.groups) continue;
    result.push_back(packed_peer(size, x, *visible, repeat));
    if (size.lengths.size() > 1) result.push_back(padded_peer(size, x, *visible, repeat));
  }
  return result;
}

void forward_only(const Contender& c) {
  const at::NoGradGuard no_grad;
  c.forward(c.inputs);
}

// Outputs and gradients [T, heads, D] each, as leaves of a graph of their own.
std::vector<at::Tensor> forward_backward(const Contender& c) {
  const auto leaf = [](const at::Tensor& t) { return t.detach().requires_grad_(); };
  const Inputs in{leaf(c.inputs.q), leaf(c.inputs.k), leaf(c.inputs.v), c.inputs.grad_o};
  const at::Tensor o = c.forward(in);
  o.backward(in.grad_o);
  return {o.detach(), in.q.grad(), in.k.grad(), in.v.grad()};
}

void check_equal(const Size& size, const Contender& ours, const Contender& peer) {
  const auto found = forward_backward(ours), expected = forward_backward(peer);
  for (size_t i = 0; i < found.size(); ++i) {
    const at::Tensor e = peer.unpacked(expected[i]);
    const double error = (ours.unpacked(found[i]) - e).abs().max().item<double>();
    DERMIS_CHECK(error <= 1e-4 * (1 + e.abs().max().item<double>()),
                 fmt::format("{}: tensor {} of o, dq, dk, dv differs by {} from {}", size.name, i, error, peer.name));
  }
}

std::vector<BenchmarkRow> bench_size(const Size& size, int rounds, double peak) {
  const std::vector<Contender> contenders = contenders_for(size);
  for (size_t i = 1; i < contenders.size(); ++i) check_equal(size, contenders[0], contenders[i]);
  const double product = 4.0 * static_cast<double>(size.heads * size.head_size * size.visible().area());
  std::vector<BenchmarkRow> rows;
  for (const bool backward : {false, true}) {
    const auto call = [&](const Contender& c) { backward ? static_cast<void>(forward_backward(c)) : forward_only(c); };
    const int calls = calls_per_sample([&] { call(contenders[0]); }, 0.02);
    std::vector<std::function<void()>> runs;
    for (const Contender& c : contenders) {
      runs.push_back([&call, &c, calls] {
        for (int i = 0; i < calls; ++i) call(c);
      });
    }
    const std::vector<Samples> samples = run_interleaved(runs, rounds);
    const double flops = (backward ? 3.5 : 1) * product;
    const auto seconds = [&](size_t i, double share) { return samples[i].quantile(share) / calls; };
    for (size_t i = 1; i < contenders.size(); ++i) {
      const double achieved = flops / seconds(0, 0.5) * 1e-9;
      rows.push_back({size.title() + (backward ? ", forward + backward" : ", forward"), "fp32", seconds(0, 0.5),
                      seconds(0, 0.1), seconds(0, 0.9), achieved, peak > 0 ? achieved / peak : 0, contenders[i].name,
                      seconds(i, 0.5)});
    }
  }
  return rows;
}

double measured_peak(int rounds) {
  constexpr int64_t kSteps = 1 << 20;
  double operations = 0;
  const Samples samples = run_interleaved({[&] { operations = fma_peak_run(kSteps); }}, 5 * rounds)[0];
  return operations / samples.quantile(0.1) * 1e-9;
}

}  // namespace

std::vector<std::string> attention_bench_sizes() {
  std::vector<std::string> names;
  for (const Size& size : all_sizes()) names.push_back(size.name);
  return names;
}

BenchmarkReport bench_attention(const AttentionBenchOptions& options) {
  const std::vector<std::string> known = attention_bench_sizes();
  for (const std::string& name : options.sizes) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw Error(ErrorKind::usage, {.what = "unknown benchmark size",
                                     .where = "--size",
                                     .expected = fmt::format("{}", fmt::join(known, ", ")),
                                     .found = name});
    }
  }
  at::set_num_threads(options.threads);
  BenchmarkReport report{"attention",
                         fmt::format("{}, {} threads, {}", hardware().cpu, options.threads, name_of(instruction_set())),
                         "GFLOP/s",
                         "FMA peak",
                         measured_peak(options.rounds),
                         {}};
  for (const Size& size : all_sizes()) {
    const auto wanted = std::find(options.sizes.begin(), options.sizes.end(), size.name);
    if (!options.sizes.empty() && wanted == options.sizes.end()) continue;
    const std::vector<BenchmarkRow> rows = bench_size(size, options.rounds, report.limit);
    report.rows.insert(report.rows.end(), rows.begin(), rows.end());
  }
  return report;
}

}  // namespace dermis
