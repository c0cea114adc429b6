#include "kernels/sampling/sampling.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "kernels/cuda/cuda_rows.h"
#include "kernels/operand/operand.h"
#include "kernels/sampling/sampling_cuda.h"

namespace dermis {
namespace {

constexpr const char* kName = "sample_tokens";

// How many of the sorted candidates stay: the fewest whose probabilities reach top_p.
size_t nucleus(const std::vector<double>& weights, double top_p) {
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  double sum = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    sum += weights[i];
    if (sum >= top_p * total) return i + 1;
  }
  return weights.size();
}

at::Tensor launch(const CudaModule& module, const at::Tensor& logits, std::span<const double> uniforms,
                  const SamplingOptions& options) {
  const at::Tensor tokens = device_empty(kName, {logits.size(0)}, logits.options().dtype(at::kInt));
  at::Tensor draws;
  if (options.temperature > 0) {
    const at::Tensor host = at::empty({logits.size(0)}, at::kDouble);
    std::copy(uniforms.begin(), uniforms.end(), host.mutable_data_ptr<double>());
    draws = host.to(logits.device());
  }
  const SamplingParams params{.type = element_type(logits),
                              .logits = input_rows(logits),
                              .uniforms = draws.defined() ? draws.const_data_ptr<double>() : nullptr,
                              .tokens = tokens.mutable_data_ptr<int32_t>(),
                              .rows = logits.size(0),
                              .vocabulary = static_cast<int32_t>(logits.size(1)),
                              .temperature = static_cast<float>(options.temperature),
                              .top_k = static_cast<int32_t>(std::min(options.top_k, logits.size(1))),
                              .top_p = options.top_p};
  launch_kernel(module, kName, logits, [&](void* stream) { return module.entries->sampling(params, stream); });
  return tokens;
}

std::vector<int32_t> choose(const at::Tensor& logits, std::span<const double> uniforms,
                            const SamplingOptions& options) {
  const at::Tensor rows = logits.to(at::kCPU, at::kFloat).contiguous();
  const auto width = static_cast<size_t>(rows.size(1));
  std::vector<int32_t> tokens;
  for (int64_t b = 0; b < rows.size(0); ++b) {
    const double uniform = options.temperature > 0 ? uniforms[static_cast<size_t>(b)] : 0;
    tokens.push_back(
        sample_token({rows.const_data_ptr<float>() + static_cast<size_t>(b) * width, width}, uniform, options));
  }
  return tokens;
}

void check_logits(const at::Tensor& logits) {
  check_operand(logits.defined() && logits.dim() == 2 && logits.is_floating_point() && logits.size(1) > 0, kName,
                "logits", "floating [B, V], V > 0", logits);
}

}  // namespace

int32_t sample_token(std::span<const float> logits, double uniform, const SamplingOptions& options) {
  if (options.temperature == 0)
    return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  std::vector<int32_t> candidates(logits.size());
  std::iota(candidates.begin(), candidates.end(), 0);
  const auto larger = [&](int32_t a, int32_t b) {
    const float left = logits[static_cast<size_t>(a)], right = logits[static_cast<size_t>(b)];
    return left != right ? left > right : a < b;
  };
  const size_t kept = options.top_k > 0 ? std::min(logits.size(), static_cast<size_t>(options.top_k)) : logits.size();
  std::partial_sort(candidates.begin(), candidates.begin() + static_cast<int64_t>(kept), candidates.end(), larger);
  candidates.resize(kept);

  const double largest = logits[static_cast<size_t>(candidates.front())];
  std::vector<double> weights;
  weights.reserve(kept);
  for (const int32_t token : candidates)
    weights.push_back(std::exp((logits[static_cast<size_t>(token)] - largest) / options.temperature));
  weights.resize(nucleus(weights, options.top_p));

  double left = uniform * std::accumulate(weights.begin(), weights.end(), 0.0);
  for (size_t i = 0; i < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0) return candidates[i];
  }
  return candidates[weights.size() - 1];  // rounding left a crumb beyond the last weight
}

std::vector<int32_t> sample_tokens(const at::Tensor& logits_BV, std::span<const double> uniforms,
                                   const SamplingOptions& options) {
  check_logits(logits_BV);
  const auto rows = static_cast<size_t>(logits_BV.size(0));
  if (options.temperature > 0 && uniforms.size() != rows)
    fail_operand(kName, "uniforms", std::to_string(rows), std::to_string(uniforms.size()));
  const at::NoGradGuard no_grad;
  const CudaModule* module = cuda_kernels_for(kName, logits_BV);
  if (module == nullptr) return choose(logits_BV, uniforms, options);
  check_kernel_limit(kName, "tokens in the vocabulary", logits_BV.size(1), kLargestSamplingVocabulary, logits_BV,
                     "sample on the CPU");
  check_kernel_limit(kName, "rows", logits_BV.size(0), std::numeric_limits<int32_t>::max(), logits_BV,
                     "use smaller batches");
  const at::Tensor tokens = naming_lack_of_memory(
      kName, logits_BV, [&] { return launch(*module, logits_BV.contiguous(), uniforms, options).to(at::kCPU); });
  return {tokens.const_data_ptr<int32_t>(), tokens.const_data_ptr<int32_t>() + rows};
}

std::vector<double> log_probabilities(const at::Tensor& logits_BV, std::span<const int32_t> tokens) {
  check_logits(logits_BV);
  const auto rows = static_cast<size_t>(logits_BV.size(0));
  if (tokens.size() != rows) fail_operand(kName, "tokens", std::to_string(rows), std::to_string(tokens.size()));
  const at::NoGradGuard no_grad;
  const at::Tensor columns = at::empty({logits_BV.size(0), 1}, at::kLong);
  std::copy(tokens.begin(), tokens.end(), columns.mutable_data_ptr<int64_t>());
  const at::Tensor log_p = naming_lack_of_memory("log_probabilities", logits_BV, [&] {
    const at::Tensor logits = logits_BV.to(logits_BV.is_cpu() ? at::kDouble : at::kFloat);
    const at::Tensor taken = logits.gather(1, columns.to(logits.device())).squeeze(1);
    return (taken - logits.logsumexp({1})).to(at::kCPU, at::kDouble).contiguous();
  });
  return {log_p.const_data_ptr<double>(), log_p.const_data_ptr<double>() + rows};
}

}  // namespace dermis
