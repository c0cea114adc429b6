#include "train/loop/divergence_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/error.h"

namespace dermis {
namespace {

using ::testing::HasSubstr;

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(exit_code(error.kind()), 3);
    return error.what();
  }
  return "";
}

TEST(DivergenceGuard, NamesTheSamplesOfANotFiniteLoss) {
  DivergenceGuard guard({});
  const std::string message = message_of([&] {
    guard.check(7, std::numeric_limits<double>::quiet_NaN(), 1.0, {"ISIC_1/diagnosis/0", "ISIC_2/size/1"});
  });
  EXPECT_THAT(message, HasSubstr("step 7"));
  EXPECT_THAT(message, HasSubstr("ISIC_1/diagnosis/0, ISIC_2/size/1"));
}

TEST(DivergenceGuard, RefusesAnInfiniteGradient) {
  DivergenceGuard guard({});
  EXPECT_THAT(message_of([&] { guard.check(1, 1.0, std::numeric_limits<double>::infinity(), {"a"}); }),
              HasSubstr("gradient norm inf"));
}

TEST(DivergenceGuard, StopsAfterConsecutiveSpikesAndNamesAllTheirSamples) {
  DivergenceGuard guard({.spike_factor = 5, .spikes = 2});
  for (int step = 1; step <= 20; ++step) guard.check(step, 1.0, 1.0, {"calm"});
  guard.check(21, 4.9, 1.0, {"below five times the median"});
  guard.check(22, 5.1, 1.0, {"first"});
  const std::string message = message_of([&] { guard.check(23, 6.0, 1.0, {"second"}); });
  EXPECT_THAT(message, HasSubstr("first, second"));
  EXPECT_THAT(message, ::testing::Not(HasSubstr("calm")));
}

TEST(DivergenceGuard, ForgivesASingleSpike) {
  DivergenceGuard guard({.spike_factor = 5, .spikes = 2});
  for (int step = 1; step <= 20; ++step) guard.check(step, 1.0, 1.0, {});
  for (int step = 21; step < 40; step += 2) {
    guard.check(step, 9.0, 1.0, {});
    guard.check(step + 1, 1.0, 1.0, {});
  }
}

TEST(DivergenceGuard, SmallLossesMayRiseToTheFloor) {
  DivergenceGuard guard({.spike_factor = 4, .spikes = 1});
  for (int step = 1; step <= 30; ++step) guard.check(step, 0.001, 1.0, {});
  guard.check(31, 0.9, 1.0, {});  // 900 times the median, yet below 4 * 0.25 nats
  EXPECT_THROW(guard.check(32, 1.1, 1.0, {}), Error);
}

TEST(DivergenceGuard, AFactorOfZeroLooksOnlyForNumbers) {
  DivergenceGuard guard({.spike_factor = 0, .spikes = 1});
  for (int step = 1; step <= 30; ++step) guard.check(step, 1.0, 1.0, {});
  guard.check(31, 1e9, 1.0, {});
}

TEST(DivergenceGuard, GoesOnFromItsState) {
  DivergenceGuard guard({.spike_factor = 5, .spikes = 2});
  for (int step = 1; step <= 20; ++step) guard.check(step, 1.0, 1.0, {});
  guard.check(21, 8.0, 1.0, {"first"});
  DivergenceGuard resumed({.spike_factor = 5, .spikes = 2});
  resumed.restore(guard.state());
  EXPECT_THAT(message_of([&] { resumed.check(22, 8.0, 1.0, {"second"}); }), HasSubstr("first, second"));
}

}  // namespace
}  // namespace dermis
