#include "kernels/sampling/sampling.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "benchmarks/operators/rows.h"
#include "core/random.h"

namespace dermis {
namespace {

struct SamplingProblem {
  std::vector<at::Tensor> logits_BV;  // fp32, a set each
  std::vector<double> uniforms;
  at::Tensor uniforms_B1;  // fp32 on the device
};

SamplingProblem sampling_problem(const OperatorSetting& s, size_t sets) {
  at::manual_seed(1);
  SamplingProblem p;
  // As spread as those of a language model, so that draws seldom fall where rounding decides.
  constexpr double kSpread = 4;
  for (size_t i = 0; i < sets; ++i)
    p.logits_BV.push_back(
        at::randn({s.sizes.sampled_rows, s.sizes.logit_count}, s.options().dtype(at::kFloat)).mul_(kSpread));
  Random random(1, RandomPurpose::selftest);
  for (int64_t b = 0; b < s.sizes.sampled_rows; ++b) p.uniforms.push_back(random.uniform());
  p.uniforms_B1 = at::tensor(p.uniforms, at::kDouble).unsqueeze(1).to(s.device, at::kFloat);
  return p;
}

// Logits in falling order to tokens [B] on the CPU: the fewest whose probabilities reach top_p, then the first at which
// they, added up, exceed uniform times their sum.
at::Tensor drawn(const at::Tensor& sorted, const at::Tensor& tokens, const at::Tensor& uniforms_B1,
                 const SamplingOptions& options) {
  const at::Tensor p = at::softmax(sorted / options.temperature, -1);
  const at::Tensor kept = at::where(p.cumsum(-1) - p < options.top_p, p, 0);
  const at::Tensor sums = kept.cumsum(-1);
  const at::Tensor passed = (sums <= uniforms_B1 * sums.narrow(1, sums.size(1) - 1, 1)).sum(-1, true);
  return tokens.gather(1, passed.clamp_max(sorted.size(1) - 1)).squeeze(1).to(at::kCPU, at::kInt);
}

at::Tensor composed_sampling(const at::Tensor& logits_BV, const at::Tensor& uniforms_B1,
                             const SamplingOptions& options) {
  const at::NoGradGuard no_grad;
  const auto [sorted, tokens] = options.top_k > 0 ? at::topk(logits_BV, options.top_k, -1) : logits_BV.sort(-1, true);
  return drawn(sorted, tokens, uniforms_B1, options);
}

double share_of_other_tokens(const Tensors& found, const Tensors& expected) {
  return found[0].ne(expected[0]).to(at::kFloat).mean().item<double>();
}

OperatorCase sampling_case(const OperatorSetting& s, const SamplingOptions& options) {
  OperatorCase result;
  result.shape = fmt::format("{} x {}", s.sizes.sampled_rows, s.sizes.logit_count);
  // Logits once, a number and a token a row. Choosing reads a row several times, from the cache where it holds one.
  result.bytes = static_cast<double>(s.sizes.sampled_rows) *
                 (static_cast<double>(s.sizes.logit_count) * sizeof(float) + sizeof(double) + sizeof(int32_t));
  constexpr size_t kMostSets = 4;  // a draw takes long on the CPU, and every set is drawn from once before timing
  result.sets = std::min(kMostSets, s.sets(result.bytes));
  const auto p = std::make_shared<const SamplingProblem>(sampling_problem(s, result.sets));
  result.contenders = {{"Dermis",
                        [=](size_t set) {
                          const std::vector<int32_t> tokens = sample_tokens(p->logits_BV[set], p->uniforms, options);
                          return Tensors{at::tensor(tokens, at::kInt)};
                        }},
                       {options.top_k > 0 ? "at::topk, softmax, cumsum" : "at::sort, softmax, cumsum", [=](size_t set) {
                          return Tensors{composed_sampling(p->logits_BV[set], p->uniforms_B1, options)};
                        }}};
  result.expected = [=] {
    const at::Tensor uniforms = at::tensor(p->uniforms, at::kDouble).unsqueeze(1);
    return Tensors{composed_sampling(p->logits_BV[0].to(at::kCPU, at::kDouble), uniforms, options)};
  };
  result.error = share_of_other_tokens;
  constexpr double kRounded = 0.1;  // of the draws may fall where fp32 sums decide otherwise
  result.allowed = kRounded;
  return result;
}

}  // namespace

OperatorRows sampling_rows(const OperatorSetting& s) {
  constexpr SamplingOptions kTopK{.temperature = 1, .top_k = 64, .top_p = 0.95}, kTopP{.temperature = 1, .top_p = 0.95};
  return {{"sampling_top_k", "draw", "fp32", [=] { return sampling_case(s, kTopK); }},
          {"sampling_top_p", "draw", "fp32", [=] { return sampling_case(s, kTopP); }}};
}

}  // namespace dermis
