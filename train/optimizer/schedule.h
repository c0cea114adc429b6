// The learning rate over a stage: linear warm-up to the peak, then a cosine down to a floor.
#pragma once

#include <cstdint>

namespace dermis {

struct Schedule {
  double lr_peak = 1e-3;
  double floor_share = 0.0;  // the cosine ends at floor_share * lr_peak
  int64_t warmup_steps = 0;
  int64_t total_steps = 0;  // 0: not known yet (a time budget before its step count is fixed): stays at the peak
};

// Step counts from 0. Step s of the warm-up takes (s + 1) / warmup_steps of the peak, so that the first update moves.
double learning_rate(const Schedule& schedule, int64_t step);

}  // namespace dermis
