#include "train/loop/plan.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace dermis {

int64_t planned_steps(const StageRecipe& stage, int64_t batches_per_epoch) {
  if (stage.steps > 0) return stage.steps;
  return stage.minutes > 0 ? 0 : most_steps(stage, batches_per_epoch);
}

int64_t most_steps(const StageRecipe& stage, int64_t batches_per_epoch) {
  if (stage.epochs <= 0) return std::numeric_limits<int64_t>::max();
  const double batches = stage.epochs * static_cast<double>(batches_per_epoch);
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(batches / stage.batch.accumulation)));
}

BudgetMeter::BudgetMeter(double budget_s, double validation_s, int64_t validations)
    : budget_s_(budget_s), reserved_s_(validation_s * static_cast<double>(validations)) {}

std::optional<int64_t> BudgetMeter::after_step(int64_t steps, double elapsed_s) {
  if (calls_++ < kWarmSteps) {
    first_step_ = steps;
    first_elapsed_s_ = elapsed_s;
    return std::nullopt;
  }
  const int64_t measured = steps - first_step_;
  const bool enough = measured >= kLeastSteps && elapsed_s - first_elapsed_s_ >= kLeastShare * budget_s_;
  if (!enough && elapsed_s < kLargestShare * budget_s_) return std::nullopt;
  const double step_s = (elapsed_s - first_elapsed_s_) / static_cast<double>(measured);
  const double left_s = budget_s_ - elapsed_s - reserved_s_;
  return steps + std::max<int64_t>(1, static_cast<int64_t>(left_s / step_s));
}

}  // namespace dermis
