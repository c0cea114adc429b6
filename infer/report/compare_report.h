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
};
std::string compare_report_html(const CompareReport& report);

}  // namespace dermis
