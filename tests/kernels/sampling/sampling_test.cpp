#include "kernels/sampling/sampling.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "core/error.h"
#include "core/random.h"
#include "tests/kernels/cuda/emulated_entries.h"
#include "tests/kernels/cuda/emulated_gpu.h"

namespace dermis {
namespace {

const std::vector<float> kLogits{std::log(0.5F), std::log(0.3F), std::log(0.15F), std::log(0.05F)};

std::map<int32_t, double> shares(const SamplingOptions& options) {
  constexpr int kDraws = 20000;
  std::map<int32_t, double> result;
  for (int i = 0; i < kDraws; ++i) {
    const double uniform = Random(7, RandomPurpose::sampling, static_cast<uint64_t>(i), 3).uniform();
    result[sample_token(kLogits, uniform, options)] += 1.0 / kDraws;
  }
  return result;
}

TEST(Sampling, GreedyTakesTheFirstOfTheLargest) {
  const std::vector<float> logits{1, 4, 4, 2};
  EXPECT_EQ(sample_token(logits, 0.99, {}), 1);
}

TEST(Sampling, DrawsFollowTheProbabilities) {
  auto found = shares({.temperature = 1.0});
  EXPECT_NEAR(found[0], 0.5, 0.015);
  EXPECT_NEAR(found[1], 0.3, 0.015);
  EXPECT_NEAR(found[2], 0.15, 0.015);
  EXPECT_NEAR(found[3], 0.05, 0.015);
}

TEST(Sampling, TemperatureSharpens) {  // p^2 normalised: 0.25, 0.09, 0.0225, 0.0025 of 0.365
  auto found = shares({.temperature = 0.5});
  EXPECT_NEAR(found[0], 0.25 / 0.365, 0.015);
  EXPECT_NEAR(found[1], 0.09 / 0.365, 0.015);
}

TEST(Sampling, TopKKeepsTheLargest) {
  auto found = shares({.temperature = 1.0, .top_k = 2});
  EXPECT_NEAR(found[0], 0.5 / 0.8, 0.015);
  EXPECT_EQ(found.count(2), 0u);
}

TEST(Sampling, TopPKeepsTheFewestThatReachIt) {
  auto found = shares({.temperature = 1.0, .top_p = 0.79});
  EXPECT_NEAR(found[0], 0.5 / 0.8, 0.015);
  EXPECT_EQ(found.count(2), 0u);
  found = shares({.temperature = 1.0, .top_p = 0.81});
  EXPECT_NEAR(found[2], 0.15 / 0.95, 0.015);
  EXPECT_EQ(found.count(3), 0u);
}

// Sorts everything, then walks. Logits repeat, so that equals must be taken by index.
int32_t by_full_sort(const std::vector<float>& logits, double uniform, const SamplingOptions& options) {
  std::vector<std::pair<float, int32_t>> order;
  for (size_t i = 0; i < logits.size(); ++i) order.emplace_back(-logits[i], static_cast<int32_t>(i));
  std::sort(order.begin(), order.end());
  if (options.top_k > 0) order.resize(static_cast<size_t>(options.top_k));
  std::vector<double> until;  // sums of weights, each token's included
  for (const auto& [negative, token] : order)
    until.push_back((until.empty() ? 0 : until.back()) + std::exp((order[0].first - negative) / options.temperature));
  const double wanted = options.top_p * until.back();
  while (until.size() > 1 && until[until.size() - 2] >= wanted) until.pop_back();
  size_t i = 0;
  while (i + 1 < until.size() && until[i] <= uniform * until.back()) ++i;
  return order[i].second;
}

TEST(Sampling, TakesTokensInTheOrderOfAFullSort) {
  for (uint64_t trial = 0; trial < 200; ++trial) {
    Random random(trial, RandomPurpose::sampling, 5);
    const double spread = random.uniform(0.1, 4);  // flat rows reach far down the order
    std::vector<float> logits(3000);
    for (float& logit : logits) logit = static_cast<float>(std::round(8 * spread * random.normal()) / 8);
    const SamplingOptions options{.temperature = random.uniform(0.5, 2),
                                  .top_k = trial % 3 == 0 ? 900 : 0,
                                  .top_p = trial % 2 == 0 ? random.uniform(0.05, 0.99) : 1.0};
    const double uniform = random.uniform();
    EXPECT_EQ(sample_token(logits, uniform, options), by_full_sort(logits, uniform, options)) << trial;
  }
}

TEST(Sampling, NotANumberIsTheLastInOrder) {
  std::vector<float> logits(500, std::nanf(""));
  logits[77] = 1;
  EXPECT_EQ(sample_token(logits, 0.5, {.temperature = 1, .top_k = 1}), 77);
}

TEST(Sampling, LogProbabilitiesNormalise) {
  const at::Tensor logits = at::tensor({kLogits[0], kLogits[1], kLogits[2], kLogits[3]}).add(3).repeat({4, 1});
  const std::vector<int32_t> tokens{3, 0, 2, 1};
  const std::vector<double> found = log_probabilities(logits, tokens);
  for (size_t i = 0; i < tokens.size(); ++i) EXPECT_NEAR(found[i], kLogits[static_cast<size_t>(tokens[i])], 1e-6);
}

TEST(Sampling, RowsTakeTheirOwnDraw) {
  const at::Tensor logits = at::tensor({kLogits[0], kLogits[1], kLogits[2], kLogits[3]}).repeat({4, 1});
  const std::vector<double> uniforms{0.1, 0.6, 0.9, 0.99};
  EXPECT_EQ(sample_tokens(logits, uniforms, {.temperature = 1}), (std::vector<int32_t>{0, 1, 2, 3}));
  EXPECT_THROW(sample_tokens(logits, std::vector<double>{0.5}, {.temperature = 1}), Error);
}

TEST(Sampling, TheGpusKernelTakesTheSameTokens) {
  at::manual_seed(1);
  const at::Tensor drawn = at::randn({6, 300}) * 3;
  std::vector<double> uniforms;
  for (uint64_t b = 0; b < 6; ++b) uniforms.push_back(Random(1, RandomPurpose::sampling, b, 0).uniform());
  for (const SamplingOptions& options :
       {SamplingOptions{}, SamplingOptions{.temperature = 1, .top_k = 40, .top_p = 0.9}}) {
    const std::vector<int32_t> expected = sample_tokens(drawn, uniforms, options);
    const testing::EmulatedGpu gpu(testing::emulated_operator_entries());
    EXPECT_EQ(sample_tokens(drawn.clone(), uniforms, options), expected);
  }
}

}  // namespace
}  // namespace dermis
