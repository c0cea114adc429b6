#include "benchmarks/contest/rounds.h"

#include <gtest/gtest.h>

#include <map>

namespace dermis {
namespace {

// Every contender takes as long as the test says; `current` is set by the contender's call.
class ScriptedStopwatch : public Stopwatch {
 public:
  double seconds(const std::function<void()>& call, int calls) override {
    call();
    repeats[current].push_back(calls);
    return time_of[current];
  }
  double cold_seconds(const std::function<void()>&) override { return 0; }
  size_t current = 0;
  std::map<size_t, double> time_of;
  std::map<size_t, std::vector<int>> repeats;
};

TEST(ContestRounds, SamplesLastEquallyLongAndTheHopelessHaveOne) {
  ScriptedStopwatch stopwatch;
  stopwatch.time_of = {{0, 1e-3}, {1, 4e-3}, {2, 6e-3}};
  std::vector<std::function<void()>> calls;
  for (size_t i = 0; i < 3; ++i) calls.push_back([&stopwatch, i] { stopwatch.current = i; });
  double limit = 0;
  const RoundTimes times = time_in_rounds(
      calls, {.stopwatch = stopwatch, .limit = [&] { return ++limit; }, .rounds = 3, .sample_s = 8e-3, .cold = false});
  EXPECT_EQ(stopwatch.repeats[0], (std::vector<int>{1, 8, 8, 8}));
  EXPECT_EQ(stopwatch.repeats[1], (std::vector<int>{1, 2, 2, 2}));
  EXPECT_EQ(stopwatch.repeats[2], (std::vector<int>{1}));
  EXPECT_EQ(times.warm[2].median, 6e-3);
  EXPECT_EQ(times.limit, 2);
}

}  // namespace
}  // namespace dermis
