#include "models/decode/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

namespace dermis {
namespace {

const std::vector<float> kLogits{std::log(0.5F), std::log(0.3F), std::log(0.15F), std::log(0.05F)};

std::map<int32_t, double> shares(const GenerateOptions& options) {
  constexpr int kDraws = 20000;
  std::map<int32_t, double> result;
  for (int i = 0; i < kDraws; ++i) result[choose_token(kLogits, options, i, 3)] += 1.0 / kDraws;
  return result;
}

TEST(Sampler, GreedyTakesTheFirstOfTheLargest) {
  const std::vector<float> logits{1, 4, 4, 2};
  EXPECT_EQ(choose_token(logits, {}, 0, 0), 1);
}

TEST(Sampler, DrawsFollowTheProbabilities) {
  auto found = shares({.temperature = 1.0});
  EXPECT_NEAR(found[0], 0.5, 0.015);
  EXPECT_NEAR(found[1], 0.3, 0.015);
  EXPECT_NEAR(found[2], 0.15, 0.015);
  EXPECT_NEAR(found[3], 0.05, 0.015);
}

TEST(Sampler, TemperatureSharpens) {  // p^2 normalised: 0.25, 0.09, 0.0225, 0.0025 of 0.365
  auto found = shares({.temperature = 0.5});
  EXPECT_NEAR(found[0], 0.25 / 0.365, 0.015);
  EXPECT_NEAR(found[1], 0.09 / 0.365, 0.015);
}

TEST(Sampler, TopKKeepsTheLargest) {
  auto found = shares({.temperature = 1.0, .top_k = 2});
  EXPECT_NEAR(found[0], 0.5 / 0.8, 0.015);
  EXPECT_EQ(found.count(2), 0u);
}

TEST(Sampler, TopPKeepsTheFewestThatReachIt) {
  auto found = shares({.temperature = 1.0, .top_p = 0.79});
  EXPECT_NEAR(found[0], 0.5 / 0.8, 0.015);
  EXPECT_EQ(found.count(2), 0u);
  found = shares({.temperature = 1.0, .top_p = 0.81});
  EXPECT_NEAR(found[2], 0.15 / 0.95, 0.015);
  EXPECT_EQ(found.count(3), 0u);
}

TEST(Sampler, LogProbabilityNormalises) {
  for (size_t i = 0; i < kLogits.size(); ++i)
    EXPECT_NEAR(log_probability(kLogits, static_cast<int32_t>(i)), kLogits[i], 1e-6);
}

}  // namespace
}  // namespace dermis
