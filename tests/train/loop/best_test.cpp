#include "train/loop/best.h"

#include <gtest/gtest.h>

#include <limits>

namespace dermis {
namespace {

TEST(BestSoFar, KeepsTheLowestLossAndStopsAfterPatience) {
  BestSoFar best{.patience = 2};
  EXPECT_TRUE(best.offer(10, 2.0));
  EXPECT_TRUE(best.offer(20, 1.5));
  EXPECT_FALSE(best.offer(30, 1.6));
  EXPECT_FALSE(best.exhausted());
  EXPECT_FALSE(best.offer(40, 1.9));
  EXPECT_TRUE(best.exhausted());
  EXPECT_EQ(best.step, 20);
}

// The weights of step 0, which no training has touched, must not win by having come first.
TEST(BestSoFar, OfEqualOnesTheLaterWinsAndPatienceGoesOnCounting) {
  BestSoFar best{.higher_is_better = true, .patience = 2};
  EXPECT_TRUE(best.offer(0, 0.5));
  EXPECT_TRUE(best.offer(10, 0.5));
  EXPECT_EQ(best.step, 10);
  EXPECT_FALSE(best.exhausted());
  EXPECT_TRUE(best.offer(20, 0.5));
  EXPECT_EQ(best.step, 20);
  EXPECT_TRUE(best.exhausted());
}

TEST(BestSoFar, KeepsTheHighestAccuracy) {
  BestSoFar best{.higher_is_better = true};
  EXPECT_TRUE(best.offer(10, 0.5));
  EXPECT_FALSE(best.offer(20, 0.4));
  EXPECT_TRUE(best.offer(30, 0.6));
  EXPECT_FALSE(best.exhausted());
}

TEST(BestSoFar, NeverTakesNaN) {
  BestSoFar best{};
  EXPECT_FALSE(best.offer(10, std::numeric_limits<double>::quiet_NaN()));
  EXPECT_EQ(best.step, -1);
}

}  // namespace
}  // namespace dermis
