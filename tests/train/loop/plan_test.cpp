#include "train/loop/plan.h"

#include <gtest/gtest.h>

namespace dermis {
namespace {

TEST(Plan, CountsEpochsInStepsOfSeveralMicroBatches) {
  StageRecipe stage{.epochs = 1.5};
  stage.batch.accumulation = 2;
  EXPECT_EQ(planned_steps(stage, 10), 8);  // 15 batches, two a step
  EXPECT_EQ(planned_steps({.steps = 7}, 10), 7);
  EXPECT_EQ(planned_steps({.minutes = 7}, 10), 0);
  stage.minutes = 7;  // then epochs are a limit only
  EXPECT_EQ(planned_steps(stage, 10), 0);
  EXPECT_EQ(most_steps(stage, 10), 8);
  EXPECT_GT(most_steps({.minutes = 7}, 10), int64_t{1} << 60);
}

// Steps take 0.5 s after three slow ones of 2 s; the budget is 100 s, 2 validations of 5 s are to come.
TEST(Plan, ATimeBudgetBecomesStepsOnceTheSpeedIsKnown) {
  BudgetMeter meter(100, 5, 2);
  double elapsed = 0;
  for (int64_t step = 1; step <= 3; ++step) EXPECT_FALSE(meter.after_step(step, elapsed += 2));
  for (int64_t step = 4; step < 15; ++step) EXPECT_FALSE(meter.after_step(step, elapsed += 0.5)) << step;
  const auto length = meter.after_step(15, elapsed += 0.5);  // twelve measured steps, 6 s of 100
  ASSERT_TRUE(length);
  EXPECT_EQ(*length, 15 + 156);  // 100 - 12 - 10 = 78 s left
}

TEST(Plan, ASlowMachineDecidesAfterAQuarterOfTheBudget) {
  BudgetMeter meter(100, 0, 0);
  double elapsed = 0;
  for (int64_t step = 1; step <= 3; ++step) EXPECT_FALSE(meter.after_step(step, elapsed += 6));
  EXPECT_FALSE(meter.after_step(4, elapsed += 6));  // 24 s
  const auto length = meter.after_step(5, elapsed += 6);
  ASSERT_TRUE(length);
  EXPECT_EQ(*length, 5 + 11);  // 70 s at 6 s a step
}

}  // namespace
}  // namespace dermis
