// Stops a run that went wrong: a loss or gradient that is no number, or a loss far above what it was.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace dermis {

struct DivergenceLimits {
  double spike_factor = 5.0;  // a spike: loss above spike_factor * max(median of the last losses, kMedianFloor)
  int spikes = 3;             // this many spikes in a row stop the run; NaN and infinity always do
};

class DivergenceGuard {
 public:
  static constexpr int64_t kHistory = 50;       // losses the median is taken over
  static constexpr int64_t kWarmLosses = 20;    // no spike is called before this many
  static constexpr double kMedianFloor = 0.25;  // nats a token: below it a relative rise says little

  explicit DivergenceGuard(const DivergenceLimits& limits) : limits_(limits) {}

  // Call before the update with the step's loss and gradient norm. Throws Error(data), naming step and sample ids:
  // those of this step, and of the spikes before it. The weights are then still those before the update.
  void check(int64_t step, double loss, double gradient_norm, const std::vector<std::string>& sample_ids);

  // State for checkpoints: a resumed run stops exactly where the uninterrupted one would.
  struct State {
    std::vector<double> losses;
    std::vector<std::string> spike_ids;
    int spikes = 0;
  };
  State state() const;
  void restore(const State& state);

 private:
  double median() const;

  DivergenceLimits limits_;
  std::deque<double> losses_;
  std::vector<std::string> spike_ids_;
  int spikes_ = 0;
};

}  // namespace dermis
