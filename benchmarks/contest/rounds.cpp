#include "benchmarks/contest/rounds.h"

#include <algorithm>
#include <cmath>

#include "benchmarks/contest/accuracy.h"

namespace dermis {
namespace {

constexpr int kMostRepeats = 200;  // in a sample, so that the queue of a GPU takes them all while it is held

int repeats_of(double seconds, double sample_s) {
  return std::clamp(static_cast<int>(std::ceil(sample_s / std::max(seconds, 1e-9))), 1, kMostRepeats);
}

}  // namespace

RoundTimes time_in_rounds(std::span<const std::function<void()>> calls, const RoundSetting& setting) {
  std::vector<size_t> runners;
  for (size_t i = 0; i < calls.size(); ++i) runners.push_back(i);
  std::vector<std::vector<double>> warm(calls.size()), cold(calls.size());
  std::vector<std::string> failures(calls.size());
  std::vector<double> limits;
  std::vector<int> repeats;
  double ours = 0;
  std::erase_if(runners, [&](size_t i) {
    double once = 0;
    failures[i] = failure_of([&] { once = setting.stopwatch.seconds(calls[i], 1); });
    repeats.push_back(repeats_of(once, setting.sample_s));
    if (!failures[i].empty() || !failures.front().empty()) return true;
    if (i == 0) ours = once;
    // Not the fastest rival for certain: one sample says enough, and its rounds would take most of the time.
    const bool hopeless = once > setting.hopeless * ours;
    if (hopeless) warm[i].push_back(once);
    return hopeless;
  });
  for (int round = 0; round < setting.rounds && !runners.empty(); ++round) {
    limits.push_back(setting.limit());
    for (size_t k = 0; k < runners.size(); ++k) {
      const size_t i = runners[(k + static_cast<size_t>(round)) % runners.size()];
      warm[i].push_back(setting.stopwatch.seconds(calls[i], repeats[i]));
      if (setting.cold) cold[i].push_back(setting.stopwatch.cold_seconds(calls[i]));
    }
  }
  RoundTimes times;
  for (size_t i = 0; i < calls.size(); ++i) {
    times.warm.push_back(summarize(warm[i]));
    times.cold.push_back(summarize(cold[i]));
  }
  times.failures = std::move(failures);
  times.limit = summarize(limits).median;
  return times;
}

}  // namespace dermis
