#include "core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace dermis {
namespace {

using Block = std::array<uint32_t, 4>;

TEST(Philox, KnownAnswers) {  // Random123, kat_vectors, philox4x32 10
  EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}), (Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}), (Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, DependsOnEveryPartOfItsKey) {
  const auto first = [](uint64_t seed, RandomPurpose purpose, uint64_t a, uint64_t b) {
    return Random(seed, purpose, a, b).uniform();
  };
  const double base = first(1, RandomPurpose::order, 2, 3);
  EXPECT_EQ(base, first(1, RandomPurpose::order, 2, 3));
  EXPECT_NE(base, first(2, RandomPurpose::order, 2, 3));
  EXPECT_NE(base, first(1, RandomPurpose::packing, 2, 3));
  EXPECT_NE(base, first(1, RandomPurpose::order, 3, 3));
  EXPECT_NE(base, first(1, RandomPurpose::order, 2, 4));
  EXPECT_NE(first(1, RandomPurpose::order, 2, 3), first(1, RandomPurpose::order, 3, 2));
}

TEST(Random, StreamIsWherePhiloxDrawsItsBlocks) {
  const RandomStream stream = random_stream(8, RandomPurpose::rounding, 5, 6);
  Random random(8, RandomPurpose::rounding, 5, 6);
  for (uint32_t block = 0; block < 3; ++block) {
    for (const uint32_t word : philox({block, 0, stream.start[0], stream.start[1]}, stream.key))
      EXPECT_EQ(random.bits(), word);
  }
}

TEST(Random, UniformAndNormalHaveTheirMoments) {
  Random random(5, RandomPurpose::selftest);
  constexpr int kDraws = 200'000;
  double sum = 0;
  double normal_sum = 0;
  double normal_squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double u = random.uniform();
    ASSERT_GE(u, 0.0);
    ASSERT_LT(u, 1.0);
    sum += u;
    const double n = random.normal();
    normal_sum += n;
    normal_squares += n * n;
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 5 * std::sqrt(1.0 / 12 / kDraws));
  EXPECT_NEAR(normal_sum / kDraws, 0.0, 5 / std::sqrt(kDraws));
  EXPECT_NEAR(normal_squares / kDraws, 1.0, 5 * std::sqrt(2.0 / kDraws));
}

TEST(Random, BelowIsUniform) {
  Random random(6, RandomPurpose::selftest);
  std::array<int, 7> counts{};
  constexpr int kDraws = 70'000;
  for (int i = 0; i < kDraws; ++i) ++counts.at(random.below(7));
  double chi_square = 0;
  for (const int count : counts) chi_square += (count - 10'000.0) * (count - 10'000.0) / 10'000;
  EXPECT_LT(chi_square, 22.5);  // 99.9 % point of chi-square with 6 degrees of freedom
  EXPECT_EQ(random.below(1), 0U);
  EXPECT_LT(random.below(~uint64_t{0}), ~uint64_t{0});
}

TEST(Random, ShufflePermutesEvenly) {
  std::map<std::vector<int>, int> counts;
  for (uint64_t i = 0; i < 6'000; ++i) {
    std::vector<int> items{1, 2, 3};
    Random(7, RandomPurpose::order, i).shuffle(items);
    ++counts[items];
  }
  ASSERT_EQ(counts.size(), 6U);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 1000, 5 * std::sqrt(1000.0 * 5 / 6));
}

TEST(Random, StableHashIsXxh3) { EXPECT_EQ(stable_hash(""), 0x2D06800538D394C2U); }

}  // namespace
}  // namespace dermis
