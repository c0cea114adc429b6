// Sections that the evaluation and the comparison pages share.
#pragma once

#include <string>
#include <vector>

#include "infer/eval/summary.h"
#include "infer/report/charts.h"

namespace dermis {

std::string tile(const std::string& name, const std::string& value, const std::string& note, bool warn = false);
std::string interval_text(const Interval& interval, int decimals = 3);  // "too few (n = 7)" below support
std::string closed_table(const EvalSummary& summary);
std::string open_table(const EvalSummary& summary);
std::string confusion_table(const ClosedSummary& closed);
std::string training_section(const std::vector<Series>& loss_curves);  // empty without curves

}  // namespace dermis
