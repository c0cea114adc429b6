// Interleaved timing and its report: every benchmark prints a Markdown table for people and one JSON line a row.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace dermis {

// Seconds of one contender, one a round.
class Samples {
 public:
  void add(double seconds) { seconds_.push_back(seconds); }
  double quantile(double share) const;  // share in [0, 1]; nearest sample
  double median() const { return quantile(0.5); }
  // Median of other's seconds over these, round by round: drift of the machine's speed falls on both. 0 without
  // samples.
  double ratio_of(const Samples& other) const;

 private:
  std::vector<double> seconds_;
};

// Runs all contenders once unmeasured, then `rounds` rounds in which each runs once, the first changing from round to
// round: drift of the machine's speed falls on all alike.
std::vector<Samples> run_interleaved(const std::vector<std::function<void()>>& contenders, int rounds);

// Calls in a sample, so that a sample lasts at least `seconds`.
int calls_per_sample(const std::function<void()>& call, double seconds);

struct BenchmarkRow {
  std::string size, dtype;
  double time_s = 0, p10_s = 0, p90_s = 0;
  double achieved = 0;  // in `unit`
  double fraction = 0;  // of the limit; 0: the limit is not one of this row
  std::string peer;     // empty: no peer
  double peer_s = 0;
  double ratio = 0;  // of the speeds, round by round; above 1: faster than the peer
};

struct BenchmarkReport {
  std::string benchmark;   // "data"
  std::string device;      // processor, threads, instruction set
  std::string unit;        // of achieved: "images/s"
  std::string limit_name;  // "decoding alone"
  std::vector<BenchmarkRow> rows;
};

std::string describe(const BenchmarkReport& report);

}  // namespace dermis
