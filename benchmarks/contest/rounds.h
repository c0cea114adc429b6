// Timing in rounds: every contender runs once a round, the first changing from round to round, and the limit is asked
// once a round, so that drift of the machine's speed falls on all alike.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "benchmarks/contest/row.h"
#include "benchmarks/stopwatch.h"

namespace dermis {

struct RoundSetting {
  Stopwatch& stopwatch;
  std::function<double()> limit;  // work a second that the device reaches
  int rounds = 30;
  double sample_s = 2e-3;  // a sample is of as many calls as last this long
  bool cold = true;        // also time runs that find nothing in the cache
  double hopeless = 5;     // a contender that takes so many times our time has a single sample
};

struct RoundTimes {
  std::vector<TimeSummary> warm, cold;  // of each call; cold: zeros when not measured
  std::vector<std::string> failures;    // why a call has no times; "" otherwise
  double limit = 0;                     // median of the rounds
};

// `calls`: ours first. When ours fails, none has times.
RoundTimes time_in_rounds(std::span<const std::function<void()>> calls, const RoundSetting& setting);

}  // namespace dermis
