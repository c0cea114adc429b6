// One optimizer step over one or more micro-batches.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/contract.h"
#include "models/vlm.h"
#include "train/loop/divergence_guard.h"
#include "train/optimizer/ema.h"
#include "train/optimizer/optimizer.h"

namespace dermis {

struct StepResult {
  double loss = 0;           // mean over the step's target tokens
  double gradient_norm = 0;  // before clipping
  double target_tokens = 0;
  int64_t tokens = 0, sequences = 0, images = 0;
};

struct StepContext {
  Vlm& model;
  Optimizer& optimizer;
  WeightAverage* average = nullptr;
  DivergenceGuard* guard = nullptr;
  double clip_norm = 0;
};

// Forward and backward of every micro-batch, each divided by the target tokens of all; then clipping, the guard and the
// update. Throws Error(data) when there is nothing to learn (no target tokens) or the guard objects; the weights are
// then unchanged.
StepResult train_step(const StepContext& context, const std::vector<Batch>& micro_batches, int64_t step, double lr);

}  // namespace dermis
