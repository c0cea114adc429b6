// How long a stage is, in steps.
#pragma once

#include <cstdint>
#include <optional>

#include "train/recipe/recipe.h"

namespace dermis {

// For stages given in epochs or steps; 0 for a time budget, whose length is measured.
int64_t planned_steps(const StageRecipe& stage, int64_t batches_per_epoch);

// The limit that `epochs` sets, also beside minutes; without epochs none.
int64_t most_steps(const StageRecipe& stage, int64_t batches_per_epoch);

// Fixes the step count of a time budget from its first steps. The first ones are left out of the measurement: they warm
// caches and threads up.
class BudgetMeter {
 public:
  static constexpr int64_t kWarmSteps = 3;
  static constexpr int64_t kLeastSteps = 12;
  static constexpr double kLeastShare = 0.02;    // of the budget, before the speed is believed
  static constexpr double kLargestShare = 0.25;  // of the budget: however slow, the decision falls then

  // validation_s: what one validation takes; `validations` are still to come.
  BudgetMeter(double budget_s, double validation_s, int64_t validations);

  // After step number `steps` of the stage, `elapsed_s` into its budget. The total number of steps, once it is known.
  std::optional<int64_t> after_step(int64_t steps, double elapsed_s);

 private:
  double budget_s_;
  double reserved_s_;
  int64_t calls_ = 0;
  int64_t first_step_ = 0;
  double first_elapsed_s_ = 0;
};

}  // namespace dermis
