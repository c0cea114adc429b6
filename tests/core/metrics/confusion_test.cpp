#include "core/metrics/confusion.h"

#include <gtest/gtest.h>

#include <cmath>

namespace dermis {
namespace {

// truth 0: 3 of 4 right, one taken for 1; truth 1: 1 of 2 right, one invalid; truth 2: never occurs, predicted once.
ConfusionMatrix example() {
  ConfusionMatrix matrix(4);
  const std::vector<int> truth{0, 0, 0, 0, 1, 1, 0};
  const std::vector<int> answers{0, 0, 0, 1, 1, -1, 2};
  matrix.add(truth, answers);
  return matrix;
}

TEST(Confusion, HandWorked) {
  const ConfusionMatrix matrix = example();
  EXPECT_EQ(matrix.total(), 7);
  EXPECT_EQ(matrix.count(0, 1), 1);
  EXPECT_EQ(matrix.invalid(1), 1);
  EXPECT_EQ(matrix.support(0), 5);
  EXPECT_EQ(matrix.support(1), 2);
  EXPECT_EQ(matrix.predicted(1), 2);
  EXPECT_DOUBLE_EQ(matrix.accuracy(), 4.0 / 7);
  EXPECT_DOUBLE_EQ(*matrix.recall(0), 3.0 / 5);
  EXPECT_DOUBLE_EQ(*matrix.recall(1), 1.0 / 2);
  EXPECT_FALSE(matrix.recall(2).has_value());
  EXPECT_DOUBLE_EQ(*matrix.precision(0), 1.0);
  EXPECT_DOUBLE_EQ(*matrix.precision(1), 0.5);
  EXPECT_DOUBLE_EQ(*matrix.precision(2), 0.0);
  EXPECT_FALSE(matrix.precision(3).has_value());
  EXPECT_DOUBLE_EQ(matrix.balanced_accuracy(), (0.6 + 0.5) / 2);
  EXPECT_DOUBLE_EQ(*matrix.f1(0), 6.0 / 8);
  EXPECT_DOUBLE_EQ(*matrix.f1(1), 2.0 / 4);
  EXPECT_DOUBLE_EQ(*matrix.f1(2), 0.0);
  EXPECT_FALSE(matrix.f1(3).has_value());
  EXPECT_DOUBLE_EQ(matrix.macro_f1(), (0.75 + 0.5 + 0.0) / 3);
}

TEST(Confusion, F1IsTheHarmonicMean) {
  const ConfusionMatrix matrix = example();
  for (const int k : {0, 1}) {
    const double p = *matrix.precision(k);
    const double r = *matrix.recall(k);
    EXPECT_DOUBLE_EQ(*matrix.f1(k), 2 * p * r / (p + r));
  }
}

TEST(Confusion, NothingIsNotANumber) {
  const ConfusionMatrix matrix(2);
  EXPECT_TRUE(std::isnan(matrix.accuracy()));
  EXPECT_TRUE(std::isnan(matrix.balanced_accuracy()));
  EXPECT_TRUE(std::isnan(matrix.macro_f1()));
}

TEST(Confusion, OneAnswerScoresChance) {
  ConfusionMatrix matrix(5);
  for (int k = 0; k < 5; ++k) {
    for (int i = 0; i <= k * 10; ++i) matrix.add(k, 4);
  }
  EXPECT_DOUBLE_EQ(matrix.balanced_accuracy(), 0.2);
}

TEST(Collapse, ShareOfTheMostFrequent) {
  const std::vector<int> answers{1, 1, 2, -1, 1, 0, 1, 2};
  EXPECT_DOUBLE_EQ(collapse_share(answers).share, 0.5);
  EXPECT_EQ(collapse_share(answers).answer, 1);
  EXPECT_TRUE(std::isnan(collapse_share({}).share));
}

}  // namespace
}  // namespace dermis
