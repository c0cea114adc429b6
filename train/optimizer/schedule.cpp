#include "train/optimizer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dermis {

double learning_rate(const Schedule& schedule, int64_t step) {
  const int64_t warmup = schedule.warmup_steps;
  if (step < warmup) return schedule.lr_peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
  if (schedule.total_steps <= 0) return schedule.lr_peak;
  const auto length = static_cast<double>(std::max<int64_t>(1, schedule.total_steps - warmup));
  const double progress = std::min(1.0, static_cast<double>(step - warmup) / length);
  const double cosine = 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  return schedule.lr_peak * (schedule.floor_share + (1.0 - schedule.floor_share) * cosine);
}

}  // namespace dermis
