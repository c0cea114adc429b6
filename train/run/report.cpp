#include "train/run/report.h"

#include <fmt/format.h>

#include <cstdio>

namespace dermis {

RunReport::RunReport(const std::string& run_folder, double log_every_s, int64_t resumed_at)
    : log_(run_folder, resumed_at), log_every_s_(log_every_s) {}

void RunReport::begin_stage(const std::string& name, int64_t total_step, const nlohmann::ordered_json& facts) {
  stage_ = name;
  nlohmann::ordered_json line{{"stage", name}};
  line.update(facts);
  event("stage", total_step, line);
}

void RunReport::step(const StepFacts& facts) {
  if (!progress_ || progress_total_ != facts.planned_steps) {
    if (progress_) progress_->clear();
    ProgressOptions options;
    options.plain_interval_s = log_every_s_;
    progress_ = std::make_unique<Progress>(stage_, facts.planned_steps, options);
    progress_total_ = facts.planned_steps;
  }
  counts_.samples += facts.result.sequences;
  counts_.tokens += facts.result.tokens;
  counts_.data_wait_s = facts.wait_s;
  progress_->update(facts.stage_step, [&] { return rates_.details(facts.result.loss, facts.lr, counts_); });
  log_.scalars(facts.total_step, {{"train/loss", facts.result.loss},
                                  {"train/lr", facts.lr},
                                  {"train/gradient_norm", facts.result.gradient_norm},
                                  {"train/data_wait_s", facts.wait_s}});
}

void RunReport::validation(int64_t total_step, const ValidationResult& result, bool best) {
  Scalars scalars{{"validation/loss", result.loss}};
  if (result.closed > 0) scalars.emplace_back("validation/balanced_accuracy", result.accuracy);
  log_.scalars(total_step, scalars);
  std::string text = fmt::format("{}: validation at step {}: loss {:.4f}", stage_, total_step, result.loss);
  if (result.closed > 0)
    text += fmt::format(", balanced accuracy {:.3f} of {} questions", result.accuracy, result.closed);
  text += fmt::format(", {:.1f} s{}", result.seconds, best ? ", best so far" : "");
  if (progress_) progress_->clear();
  fmt::print(stderr, "{}\n", text);
}

void RunReport::end_stage(int64_t total_step, const nlohmann::ordered_json& facts) {
  if (progress_) progress_->finish(progress_total_);
  progress_.reset();
  progress_total_ = -1;
  counts_ = {};
  rates_ = TrainingRates();
  nlohmann::ordered_json line{{"stage", stage_}};
  line.update(facts);
  event("stage_end", total_step, line);
}

void RunReport::event(const std::string& name, int64_t step, const nlohmann::ordered_json& facts) {
  log_.event(name, step, facts);
}

void RunReport::note(const std::string& text) {
  if (progress_) progress_->clear();
  fmt::print(stderr, "{}\n", text);
}

}  // namespace dermis
