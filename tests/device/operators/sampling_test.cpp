#include <algorithm>
#include <numeric>

#include "kernels/sampling/sampling_kernel.h"
#include "tests/device/operators/device_matrix.h"

namespace dermis::testing {
namespace {

struct SamplingOptions {
  double temperature = 1;
  int32_t top_k = 0;
  double top_p = 1;
};

// Draws one token a uniform number, all from the same logits.
template <class E>
std::vector<int32_t> draw(const std::vector<double>& logits, const SamplingOptions& options,
                          const std::vector<double>& uniforms, MatrixLayout layout = {}, uint64_t seed = 1) {
  EmulatedDevice device;
  DeviceMatrix<E> row(device, logits, static_cast<int64_t>(logits.size()), layout);
  DeviceBuffer<double> device_uniforms(device, uniforms);
  DeviceBuffer<int32_t> tokens(device, uniforms.size());
  const SamplingParams p{.type = kTypeOf<E>,
                         .logits = {row.data(), 0},  // every row is this one
                         .uniforms = device_uniforms.data(),
                         .tokens = tokens.data(),
                         .rows = static_cast<int64_t>(uniforms.size()),
                         .vocabulary = static_cast<int32_t>(logits.size()),
                         .temperature = static_cast<float>(options.temperature),
                         .top_k = options.top_k,
                         .top_p = options.top_p};
  launch_emulated<SamplingKernel<E>>(device, sampling_launch(p), p, seed);
  EXPECT_EQ(tokens.unwritten(), 0U);
  return tokens.download();
}

// The kept tokens in their order with what they add up to, as models/decode/sampler.cpp does it: sort, cut, cut, add.
struct Kept {
  std::vector<int32_t> tokens;
  std::vector<double> sums;  // of probabilities up to and with each token; the last is 1
};
Kept exact_kept(const std::vector<double>& logits, const SamplingOptions& options) {
  Kept kept;
  kept.tokens.resize(logits.size());
  std::iota(kept.tokens.begin(), kept.tokens.end(), 0);
  const auto logit = [&](int32_t token) { return logits[static_cast<size_t>(token)]; };
  std::stable_sort(kept.tokens.begin(), kept.tokens.end(), [&](int32_t a, int32_t b) { return logit(a) > logit(b); });
  if (options.top_k > 0) kept.tokens.resize(std::min(kept.tokens.size(), static_cast<size_t>(options.top_k)));
  std::vector<double> weights;
  for (const int32_t token : kept.tokens)
    weights.push_back(std::exp((logit(token) - logit(kept.tokens[0])) / options.temperature));
  const double target = options.top_p * std::accumulate(weights.begin(), weights.end(), 0.0);
  size_t count = 0;
  double total = 0;
  while (count < weights.size() && total < target) total += weights[count++];
  kept.tokens.resize(count);
  for (size_t i = 0; i < count; ++i) kept.sums.push_back(weights[i] / total + (i == 0 ? 0 : kept.sums.back()));
  return kept;
}

// Uniform numbers just inside both ends of a token's stretch of [0, 1) must give that token: that is its probability.
template <class E>
void expect_exact_probabilities(const std::vector<double>& logits, const SamplingOptions& options,
                                const std::vector<size_t>& ranks, MatrixLayout layout = {}, uint64_t seed = 1) {
  SCOPED_TRACE("temperature " + std::to_string(options.temperature) + ", top_k " + std::to_string(options.top_k) +
               ", top_p " + std::to_string(options.top_p));
  constexpr double kMargin = 2e-6;
  const Kept kept = exact_kept(logits, options);
  std::vector<double> uniforms;
  std::vector<int32_t> expected;
  for (const size_t rank : ranks) {
    if (rank >= kept.tokens.size()) continue;
    const double begin = rank == 0 ? 0 : kept.sums[rank - 1], end = kept.sums[rank];
    if (end - begin < 3 * kMargin) continue;
    for (const double uniform : {begin == 0 ? 0 : begin + kMargin, end - kMargin}) {
      uniforms.push_back(uniform);
      expected.push_back(kept.tokens[rank]);
    }
  }
  ASSERT_FALSE(expected.empty());
  EXPECT_EQ(draw<E>(logits, options, uniforms, layout, seed), expected);
}

std::vector<size_t> first_ranks(size_t count) {
  std::vector<size_t> ranks(count);
  std::iota(ranks.begin(), ranks.end(), size_t{0});
  return ranks;
}

template <class E>
class Sampling : public ::testing::Test {};
using AllTypes = ::testing::Types<float, Bf16, Fp16>;
TYPED_TEST_SUITE(Sampling, AllTypes);

TYPED_TEST(Sampling, ProbabilitiesAreExact) {
  const auto logits = normal_values<TypeParam>(1, 1, 7, 2);
  for (const SamplingOptions& options :
       std::vector<SamplingOptions>{{}, {0.5}, {3, 4}, {1, 0, 0.8}, {2, 6, 0.6}, {1, 100, 1e-9}})
    expect_exact_probabilities<TypeParam>(logits, options, first_ranks(7));
}

TYPED_TEST(Sampling, LargeVocabulariesInEveryLayout) {
  uint64_t seed = 0;
  for (const MatrixLayout& layout : kMatrixLayouts) {
    SCOPED_TRACE(layout.name);
    seed = seed % 3 + 1;
    auto logits = normal_values<TypeParam>(seed, 2, 9011, 3);
    logits[0] = logits[9010] = 12;  // both ends
    logits[5000] = 11;
    for (const SamplingOptions& options : std::vector<SamplingOptions>{{}, {0.7, 40, 0.95}})
      expect_exact_probabilities<TypeParam>(logits, options, {0, 2, 17}, layout, seed);
  }
}

// Equal logits come by index: in the draw, at the cut of top-k, at the cut of top-p.
TEST(SamplingDevice, TiesGoByIndex) {
  const std::vector<double> equal(5000, -3.25);
  EXPECT_EQ(draw<Bf16>(equal, {}, {0, 0.37001, 0.9999}), (std::vector<int32_t>{0, 1850, 4999}));
  EXPECT_EQ(draw<Bf16>(equal, {1, 10}, {0.05, 0.95}), (std::vector<int32_t>{0, 9}));
  EXPECT_EQ(draw<Bf16>(equal, {1, 0, 0.5}, {0.0001, 0.9999}), (std::vector<int32_t>{0, 2499}));
  std::vector<double> logits(3000, -5);
  for (const size_t token : {2500, 40, 1700, 41}) logits[token] = 4;
  EXPECT_EQ(draw<float>(logits, {1, 3}, {0.2, 0.5, 0.99}), (std::vector<int32_t>{40, 41, 1700}));
}

TEST(SamplingDevice, GreedyTakesTheFirstOfTheLargest) {
  auto logits = normal_values<Fp16>(5, 1, 9001);
  logits[8999] = logits[4321] = logits[77] = 50;
  EXPECT_EQ(draw<Fp16>(logits, {0}, {0.5}), (std::vector<int32_t>{77}));
  EXPECT_EQ(draw<Fp16>({3}, {0}, {0.5}), (std::vector<int32_t>{0}));
}

TEST(SamplingDevice, WhatIsRuledOutIsNeverDrawn) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<double> logits{-kInfinity, 1, std::nan(""), 1, -kInfinity};
  EXPECT_EQ(draw<float>(logits, {}, {0, 0.49, 0.51, 1 - 0x1p-53}), (std::vector<int32_t>{1, 1, 3, 3}));
  EXPECT_EQ(draw<float>(logits, {1, 4, 0.9}, {0, 1 - 0x1p-53}), (std::vector<int32_t>{1, 3}));
  EXPECT_EQ(draw<float>(logits, {0}, {0}), (std::vector<int32_t>{1}));
  const std::vector<double> nothing{-kInfinity, std::nan("")};
  EXPECT_EQ(draw<float>(nothing, {}, {0.7}), (std::vector<int32_t>{0}));
  EXPECT_EQ(draw<float>(nothing, {0}, {0.7}), (std::vector<int32_t>{0}));
}

// A temperature so low that only the largest is left, and one so high that all are equal.
TEST(SamplingDevice, ExtremeTemperatures) {
  const auto logits = normal_values<float>(6, 1, 1000);
  const auto largest = static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  EXPECT_EQ(draw<float>(logits, {1e-6}, {0, 0.5, 1 - 0x1p-53}), (std::vector<int32_t>(3, largest)));
  expect_exact_probabilities<float>(logits, {1e4}, {0, 500, 999});
}

}  // namespace
}  // namespace dermis::testing
