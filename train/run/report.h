// What a run tells: a progress line for people, log.jsonl and TensorBoard scalars in the run folder.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/log/progress.h"
#include "core/log/run_log.h"
#include "train/loop/step.h"
#include "train/loop/validation.h"

namespace dermis {

struct StepFacts {
  int64_t total_step = 0;                     // over all stages
  int64_t stage_step = 0, planned_steps = 0;  // planned 0: not known yet
  double lr = 0;
  double wait_s = 0;  // for data, since the stage began
  StepResult result;
};

class RunReport {
 public:
  // resumed_at: the step a resumed run goes on from; 0: a new run.
  RunReport(const std::string& run_folder, double log_every_s, int64_t resumed_at);

  void begin_stage(const std::string& name, int64_t total_step, const nlohmann::ordered_json& facts);
  void step(const StepFacts& facts);
  void validation(int64_t total_step, const ValidationResult& result, bool best);
  void end_stage(int64_t total_step, const nlohmann::ordered_json& facts);
  void event(const std::string& name, int64_t step, const nlohmann::ordered_json& facts);
  void note(const std::string& text);  // to the person and the log

 private:
  RunLog log_;
  double log_every_s_;
  std::string stage_;
  std::unique_ptr<Progress> progress_;
  int64_t progress_total_ = -1;
  TrainingRates rates_;
  TrainingCounts counts_;
};

}  // namespace dermis
