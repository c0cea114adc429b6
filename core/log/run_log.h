// What a run says while it runs: log.jsonl for programs and people, TensorBoard events beside it.
//
//   {"time": "...", "step": 120, "train/loss": 2.31, "train/lr": 0.0003}
//   {"time": "...", "event": "stage", "step": 500, ...}
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/io/jsonl.h"
#include "core/log/event_file.h"

namespace dermis {

using Scalars = std::vector<std::pair<std::string, double>>;  // tag ("train/loss"), value; NaN and inf are logged

class RunLog {
 public:
  // Appends to `<folder>/log.jsonl`. A resumed run passes the step that it goes on from: what was logged of later steps
  // no longer counts.
  explicit RunLog(const std::string& folder, int64_t resumed_at = 0);
  void scalars(int64_t step, const Scalars& values);
  void text(int64_t step, const std::string& tag, const std::string& markdown);
  // A line of its own, e.g. ("validation", 500, {"balanced_accuracy": 0.61}). Not sent to TensorBoard.
  void event(const std::string& name, int64_t step, const nlohmann::ordered_json& facts = {});

 private:
  JsonlWriter lines_;
  EventFile events_;
};

struct ScalarPoint {
  int64_t step = 0;
  double value = 0;
};
// The curves of a run folder, by tag, ascending steps; steps that a resumed run repeated count once, as repeated.
std::map<std::string, std::vector<ScalarPoint>> read_scalars(const std::string& folder);

}  // namespace dermis
