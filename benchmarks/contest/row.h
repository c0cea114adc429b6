// A contest: ways to compute the same thing, timed in the same rounds of one process. Plain data: no tensors here.
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
std::string describe(const TimeSummary& time);       // "2.00 (1.80 to 2.40)", in milliseconds; "-" of none

struct ContenderResult {
  std::string name;
  std::string failure;     // why it has no times: refused by its library, or a wrong result; "" otherwise
  double error = 0;        // largest difference from the reference, relative to the largest number of the tensor
  TimeSummary warm, cold;  // cold: of operands in no cache; zeros when not measured
};

struct ContestRow {
  std::string workload;  // "prefix-lm"
  std::string title;     // with sizes
  std::string pass;      // "forward"
  std::string dtype;
  double work = 0;                          // of a call: operations or bytes that are useful
  double bytes = 0;                         // that must move: inputs read once, outputs written once; 0: not counted
  double limit = 0;                         // work a second that the device reached in the same run
  std::string unit;                         // of work a second / scale: "TFLOP/s"
  double scale = 1;                         // work a second in one unit
  std::string limit_name;                   // "a matrix product"
  std::vector<ContenderResult> contenders;  // ours first

  const ContenderResult& ours() const { return contenders.front(); }
  const ContenderResult* best_rival() const;  // fastest of those that have times; nullptr: none
  double ratio() const;                       // its time / ours; above 1: ours is faster; 0: no rival
  bool failed() const { return !ours().failure.empty(); }
  double achieved(const TimeSummary& time) const { return time.median > 0 ? work / time.median / scale : 0; }
  double share() const { return limit > 0 ? achieved(ours().warm) * scale / limit : 0; }  // of the limit
};

struct Ceiling {
  std::string name;
  double value = 0;
  std::string unit;
};

struct ContestResult {
  std::string device, commit, date, libtorch;
  int rounds = 0;
  std::vector<Ceiling> ceilings;
  std::vector<ContestRow> rows;
};

// "# Attention: DEVICE", then commit, date, rounds and ceilings in one line.
std::string heading(const std::string& title, const ContestResult& result);
// "fastest rival | its ms | ratio".
std::string rival_cells(const ContestRow& row);
// A table of every contender of every row, with what kept it from running.
std::string all_contenders(const ContestResult& result);
nlohmann::json to_json(const std::string& benchmark, const ContestResult& result);
// Those in which ours failed: "rope, backward: wrong: off by 1.0e+00".
std::vector<std::string> failed_rows(const ContestResult& result);
// Throws Error(internal) naming them, if there are any.
void refuse_failures(const std::string& command, const ContestResult& result);

}  // namespace dermis
