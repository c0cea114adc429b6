#include "train/optimizer/schedule.h"

#include <gtest/gtest.h>

namespace dermis {
namespace {

TEST(Schedule, WarmsUpLinearlyAndReachesThePeak) {
  const Schedule schedule{.lr_peak = 0.4, .floor_share = 0.1, .warmup_steps = 4, .total_steps = 12};
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 0), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 1), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 3), 0.4);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 4), 0.4);
}

TEST(Schedule, FallsAsACosineToTheFloor) {
  const Schedule schedule{.lr_peak = 0.4, .floor_share = 0.1, .warmup_steps = 4, .total_steps = 12};
  // A quarter, half and the whole of the way from step 4 to step 12: 0.5 (1 + cos) = 0.853553, 0.5, 0.
  EXPECT_NEAR(learning_rate(schedule, 6), 0.4 * (0.1 + 0.9 * 0.85355339059327), 1e-12);
  EXPECT_NEAR(learning_rate(schedule, 8), 0.4 * 0.55, 1e-12);
  EXPECT_NEAR(learning_rate(schedule, 12), 0.04, 1e-12);
  EXPECT_NEAR(learning_rate(schedule, 99), 0.04, 1e-12);
}

TEST(Schedule, StaysAtThePeakWhileTheLengthIsUnknown) {
  const Schedule schedule{.lr_peak = 0.4, .warmup_steps = 2, .total_steps = 0};
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 0), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate(schedule, 1000), 0.4);
}

TEST(Schedule, WithoutWarmUpStartsAtThePeak) {
  EXPECT_DOUBLE_EQ(learning_rate({.lr_peak = 1, .warmup_steps = 0, .total_steps = 10}, 0), 1.0);
}

}  // namespace
}  // namespace dermis
