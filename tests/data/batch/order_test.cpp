#include "data/batch/order.h"

#include <gtest/gtest.h>

#include <map>
#include <numeric>
#include <set>

namespace dermis {
namespace {

DrawGroup group(int64_t first, int64_t count) {
  DrawGroup made{std::vector<int64_t>(static_cast<size_t>(count)), static_cast<uint64_t>(first)};
  std::iota(made.samples.begin(), made.samples.end(), first);
  return made;
}

TEST(Permutation, HitsEveryPositionOnce) {
  for (const uint64_t count : {1U, 2U, 3U, 16U, 17U, 1000U}) {
    const Permutation permutation(count, 5, RandomPurpose::order, 1, 2);
    std::set<uint64_t> seen;
    for (uint64_t i = 0; i < count; ++i) seen.insert(permutation(i));
    EXPECT_EQ(seen.size(), count);
    EXPECT_LT(*seen.rbegin(), count);
  }
}

TEST(Permutation, SpreadsEvenly) {
  // Where does element 0 of 8 go, over many keys? Chi-squared with 7 degrees of freedom: 24.3 at p = 0.001.
  std::map<uint64_t, int> counts;
  constexpr int kTrials = 8000;
  for (uint64_t key = 0; key < kTrials; ++key) ++counts[Permutation(8, key, RandomPurpose::order, 0, 0)(0)];
  double chi = 0;
  for (uint64_t i = 0; i < 8; ++i) chi += (counts[i] - 1000.0) * (counts[i] - 1000.0) / 1000.0;
  EXPECT_LT(chi, 24.3);
}

TEST(SampleOrder, EverySampleOnceAnEpoch) {
  const SampleOrder order({{{group(0, 50)}, 1.0}}, 3);
  std::vector<int64_t> first, second;
  for (int64_t i = 0; i < 100; ++i) {
    const Draw draw = order.at(i);
    EXPECT_EQ(draw.epoch, i / 50);
    (i < 50 ? first : second).push_back(draw.sample);
  }
  EXPECT_NE(first, second);
  for (auto* epoch : {&first, &second}) EXPECT_EQ(std::set<int64_t>(epoch->begin(), epoch->end()).size(), 50U);
}

TEST(SampleOrder, ClassesComeEquallyOften) {
  const SampleOrder order({{{group(0, 90), group(90, 9), group(99, 1)}, 1.0}}, 3);
  std::map<int, int> counts;
  std::map<int64_t, int> rare;
  for (int64_t i = 0; i < 300; ++i) {
    const int64_t sample = order.at(i).sample;
    ++counts[sample < 90 ? 0 : sample < 99 ? 1 : 2];
    if (sample >= 90 && sample < 99) ++rare[sample];
  }
  EXPECT_EQ(counts[0], 100);
  EXPECT_EQ(counts[1], 100);
  EXPECT_EQ(counts[2], 100);
  for (const auto& [sample, count] : rare) EXPECT_NEAR(count, 100.0 / 9, 1.0) << sample;
}

TEST(SampleOrder, SourcesMixByWeight) {
  const SampleOrder order({{{group(0, 100)}, 3.0}, {{group(100, 1000)}, 1.0}, {{group(1100, 5)}, 0.5}}, 11);
  std::map<int, int> counts;
  std::set<int64_t> first_source;
  constexpr int64_t kDraws = 1024 * 9;
  for (int64_t i = 0; i < kDraws; ++i) {
    const Draw draw = order.at(i);
    ++counts[draw.sample < 100 ? 0 : draw.sample < 1100 ? 1 : 2];
    if (draw.sample < 100 && draw.epoch == 0) first_source.insert(draw.sample);
  }
  EXPECT_NEAR(counts[0], kDraws * 3.0 / 4.5, 9);
  EXPECT_NEAR(counts[1], kDraws * 1.0 / 4.5, 9);
  EXPECT_NEAR(counts[2], kDraws * 0.5 / 4.5, 9);
  EXPECT_EQ(first_source.size(), 100U);  // each once in its source's first epoch
}

TEST(SampleOrder, SeedsDiffer) {
  const SampleOrder a({{{group(0, 1000)}, 1.0}}, 1), b({{{group(0, 1000)}, 1.0}}, 2);
  int equal = 0;
  for (int64_t i = 0; i < 1000; ++i) equal += a.at(i).sample == b.at(i).sample;
  EXPECT_LT(equal, 20);
}

}  // namespace
}  // namespace dermis
