// Charts of the reports as inline SVG: no script, readable in grey-scale (lines differ in dash, not only in colour).
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dermis {

struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  // ascending x
};
// Up to four series over a common x axis. Long series are thinned to the width of the chart by averaging.
std::string line_chart(const std::vector<Series>& series, const std::string& x_label, const std::string& y_label);

struct ReliabilityBar {
  double low, high;   // confidence range
  double confidence;  // mean confidence inside
  double accuracy;    // share right
  int64_t count;
};
// Accuracy over confidence with the diagonal of perfect calibration, and the share of answers a bin below it.
std::string reliability_chart(const std::vector<ReliabilityBar>& bars);

struct IntervalRow {
  std::string name;
  double value, low, high;
};
// Dots with intervals on a common axis from `from` to `to`; `marker` draws a dashed line (chance, zero), NaN for none.
std::string interval_chart(const std::vector<IntervalRow>& rows, double from, double to, double marker);

// Loss over steps of a run's log.jsonl, training and validation, names prefixed with `prefix`.
std::vector<Series> loss_curves_of(const std::string& run_folder, const std::string& prefix = "");

}  // namespace dermis
