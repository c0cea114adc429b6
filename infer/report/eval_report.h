// report.html of an evaluation.
#pragma once

#include <string>
#include <vector>

#include "data/shard/shard.h"
#include "infer/eval/answer_correction.h"
#include "infer/eval/eval_origin.h"
#include "infer/eval/summary.h"
#include "infer/report/charts.h"

namespace dermis {

struct EvalReport {
  std::string title;
  EvalOrigin origin;
  std::string validation;  // shards that the correction was fitted on; empty: none
  AnswerCorrection correction;
  EvalSummary summary;
  const std::vector<Prediction>* predictions = nullptr;
  const ShardReader* pictures = nullptr;  // for the gallery
  std::vector<Series> loss_curves;        // empty: no run folder was given
};
std::string eval_report_html(const EvalReport& report);

}  // namespace dermis
