#include "models/decode/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/error.h"
#include "core/random.h"

namespace dermis {
namespace {

void need(bool holds, const char* option, const char* expected, double found) {
  if (holds) return;
  throw Error(ErrorKind::usage, {.what = "A generation option is out of range",
                                 .where = option,
                                 .expected = expected,
                                 .found = fmt::format("{}", found),
                                 .fix = "give a value in this range"});
}

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

}  // namespace

void check_options(const GenerateOptions& options) {
  need(options.max_new_tokens >= 1, "max_new_tokens", "1 or more", options.max_new_tokens);
  need(options.temperature >= 0 && std::isfinite(options.temperature), "temperature", "0 (greedy) or more",
       options.temperature);
  need(options.top_k >= 0, "top_k", "0 (off) or more", options.top_k);
  need(options.top_p > 0 && options.top_p <= 1, "top_p", "above 0, at most 1 (off)", options.top_p);
}

int32_t choose_token(std::span<const float> logits, const GenerateOptions& options, int64_t sequence, int64_t step) {
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

  Random random(options.seed, RandomPurpose::sampling, static_cast<uint64_t>(sequence), static_cast<uint64_t>(step));
  double left = random.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
  for (size_t i = 0; i < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0) return candidates[i];
  }
  return candidates[weights.size() - 1];  // rounding left a crumb beyond the last weight
}

double log_probability(std::span<const float> logits, int32_t token) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - largest);
  return logits[static_cast<size_t>(token)] - largest - std::log(sum);
}

}  // namespace dermis
