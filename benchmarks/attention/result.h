// What `dermis bench attention` found, and how it is written: Markdown, JSON, SVG. Plain data: no tensors here.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace dermis {

// Seconds of one call.
struct TimeSummary {
  double median = 0, p10 = 0, p90 = 0;
};
TimeSummary summarize(std::vector<double> seconds);  // nearest samples; zeros of none

struct ContenderResult {
  std::string name;
  std::string failure;     // why it has no times: refused by its library, or a wrong result; "" otherwise
  double error = 0;        // largest difference from the reference, relative to the largest number of the tensor
  TimeSummary warm, cold;  // cold: of operands in no cache; zeros when not measured
};

struct AttentionBenchRow {
  std::string workload;  // "prefix-lm"
  std::string title;     // with sizes
  std::string pass;      // "forward"
  std::string dtype;
  double work = 0;         // operations of a call with the true head size and the true mask area; bytes for decode
  double limit = 0;        // work a second that the device reached in the same run
  std::string unit;        // of work a second / scale: "TFLOP/s"
  double scale = 1;        // work a second in one unit
  std::string limit_name;  // "matrix product"
  std::vector<ContenderResult> contenders;  // ours first

  const ContenderResult& ours() const { return contenders.front(); }
  const ContenderResult* best_rival() const;  // fastest of those that have times; nullptr: none
  double ratio() const;                       // its time / ours; above 1: ours is faster; 0: no rival
  bool failed() const { return !ours().failure.empty(); }
  double achieved(const TimeSummary& time) const { return time.median > 0 ? work / time.median / scale : 0; }
};

struct Ceiling {
  std::string name;
  double value = 0;
  std::string unit;
};

struct AttentionBenchResult {
  std::string device, commit, date, libtorch;
  int rounds = 0;
  std::vector<Ceiling> ceilings;
  std::vector<AttentionBenchRow> rows;
};

// ratio() of forward and backward together, for every workload that has both; by name.
std::vector<std::pair<std::string, double>> training_ratios(const AttentionBenchResult& result);

std::string markdown(const AttentionBenchResult& result);
nlohmann::json to_json(const AttentionBenchResult& result);
// Bars of work a second: ours and the best rival of every row, the limit as the axis' end.
std::string svg_chart(const AttentionBenchResult& result);

}  // namespace dermis
