// The page that compares two evaluations of the same questions.
#pragma once

#include <string>
#include <vector>

#include "infer/eval/summary.h"
#include "infer/report/charts.h"

namespace dermis {

struct CompareReport {
  std::string title, first_name, second_name;
  std::vector<PairedRow> rows;
  EvalSummary first, second;
  std::vector<Series> loss_curves;
  std::string note = {};                              // what a reader must know of the two; under the title
  std::string first_origin = {}, second_origin = {};  // model, set and version that the predictions were made with
};
std::string compare_report_html(const CompareReport& report);

}  // namespace dermis
