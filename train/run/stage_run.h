// One stage of a recipe, from wherever its state stands to its end.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "data/batch/loader.h"
#include "train/checkpoint/checkpoint.h"
#include "train/loop/plan.h"
#include "train/loop/step.h"
#include "train/loop/validation.h"
#include "train/optimizer/schedule.h"
#include "train/run/assemble.h"
#include "train/run/report.h"
#include "train/run/state.h"

namespace dermis {

struct RunContext {
  const Recipe& recipe;
  const Tokenizer& tokenizer;
  const RunIdentity& identity;
  Vlm& model;
  RunState state{};
  bool plan_anew = false;  // the recipe has changed: the length in the state is the old one's
  // Made when a stage is ready to run: what is wrong before that leaves no run folder behind.
  std::optional<CheckpointStore> store{};
  std::optional<RunReport> report{};
};

class StageRun {
 public:
  // `checkpoint`: the folder to take moments and averages from when the state stands within the stage, else "".
  StageRun(RunContext& context, const StageShards& shards, const std::string& checkpoint);

  // Trains to the stage's end, leaves its result (best, averaged or last weights) in the model and the state at the
  // beginning of the next stage. Throws Error(interrupted) after saving when a signal came in.
  void run();

 private:
  void restore(const std::string& checkpoint);
  void plan();
  void tell_long_texts() const;
  bool ended() const;
  void take_step();
  void fix_length();
  bool validation_due() const;
  void validate_if_due();
  void save();
  void save_if_due();
  void finish();
  double elapsed_s() const;
  NamedTensors weights() const;

  RunContext& context_;
  RunState& state_;
  const StageRecipe& stage_;
  Optimizer optimizer_;
  std::optional<WeightAverage> average_;
  DivergenceGuard guard_;
  Loader loader_;
  std::optional<Validation> validation_;
  std::optional<BudgetMeter> meter_;
  int64_t records_ = 0;  // of the training shards
  double validation_s_ = 0;
  double elapsed_before_s_ = 0;  // in sessions before this one
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point saved_at_;
  int64_t saved_step_ = -1;
};

}  // namespace dermis
