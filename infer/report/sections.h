// Sections that the evaluation and the comparison pages share.
#pragma once

#include <string>
#include <vector>

#include "infer/eval/figure_text.h"
#include "infer/eval/summary.h"
#include "infer/report/charts.h"

namespace dermis {

std::string tile(const std::string& name, const std::string& value, const std::string& note, bool warn = false);
// The figure large, its interval and the note small.
std::string figure_tile(const std::string& name, const Interval& figure, const std::string& note = "",
                        Sign sign = Sign::negative);
std::string interval_text(const Interval& interval, Sign sign = Sign::negative);  // figure_text as HTML
// Which classes of the first closed question have no figure of their own; "" when all have.
std::string scarce_text(const EvalSummary& summary);
std::string closed_table(const EvalSummary& summary);
std::string open_table(const EvalSummary& summary);
std::string confusion_table(const ClosedSummary& closed);
std::string training_section(const std::vector<Series>& loss_curves);  // empty without curves

}  // namespace dermis
