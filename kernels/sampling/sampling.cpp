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

// Falling, equals by index. Not a number comes last: sorting needs an order.
struct FallingLogits {
  std::span<const float> logits;

  float value(int32_t token) const {
    const float logit = logits[static_cast<size_t>(token)];
    return std::isnan(logit) ? -std::numeric_limits<float>::infinity() : logit;
  }
  bool operator()(int32_t a, int32_t b) const {
    const float left = value(a), right = value(b);
    return left != right ? left > right : a < b;
  }
};

// The tokens of the `kept` largest logits in that order. They are sorted only as far as they are
// asked for: likely ones come first, and most draws end among them.
class TokensInOrder {
 public:
  TokensInOrder(std::span<const float> logits, size_t kept) : order_{logits}, tokens_(logits.size()) {
    std::iota(tokens_.begin(), tokens_.end(), 0);
    if (kept < tokens_.size() && kept > kFew) std::nth_element(tokens_.begin(), place(kept), tokens_.end(), order_);
    if (kept <= kFew) sort_through(kept - 1);
    tokens_.resize(kept);
  }
  std::span<const int32_t> unordered() const { return tokens_; }
  int32_t operator[](size_t i) {
    if (i >= sorted_) sort_through(i);
    return tokens_[i];
  }

 private:
  std::vector<int32_t>::iterator place(size_t i) { return tokens_.begin() + static_cast<int64_t>(i); }
  void sort_through(size_t i) {
    const size_t end = std::min(tokens_.size(), std::max({i + 1, kFew, 4 * sorted_}));
    if (end - sorted_ <= kFew) {
      std::partial_sort(place(sorted_), place(end), tokens_.end(), order_);
    } else {
      if (end < tokens_.size()) std::nth_element(place(sorted_), place(end), tokens_.end(), order_);
      std::sort(place(sorted_), place(end), order_);
    }
    sorted_ = end;
  }

  static constexpr size_t kFew = 256;  // so few are picked out in one pass with hardly a comparison a token

  FallingLogits order_;
  std::vector<int32_t> tokens_;
  size_t sorted_ = 0;
};

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
  const size_t kept = options.top_k > 0 ? std::min(logits.size(), static_cast<size_t>(options.top_k)) : logits.size();
  TokensInOrder tokens(logits, kept);
  const double largest = logits[static_cast<size_t>(tokens[0])];
  const auto weight = [&](int32_t token) {
    return std::exp((logits[static_cast<size_t>(token)] - largest) / options.temperature);
  };
  double total = 0;
  for (const int32_t token : tokens.unordered()) total += weight(token);
  size_t count = kept;
  if (options.top_p < 1) {  // the fewest whose probabilities reach top_p
    const double wanted = options.top_p * total;
    total = weight(tokens[0]);
    for (count = 1; count < kept && total < wanted; ++count) total += weight(tokens[count]);
  }
  double left = uniform * total;
  for (size_t i = 0; i < count; ++i) {
    left -= weight(tokens[i]);
    if (left < 0) return tokens[i];
  }
  return tokens[count - 1];  // rounding left a crumb beyond the last weight
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
