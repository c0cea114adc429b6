#include "core/metrics/bootstrap.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/random.h"

namespace dermis {
namespace {

std::vector<std::string> singles(size_t count) { return std::vector<std::string>(count); }

Statistic mean_of(const std::vector<double>& values) {
  return [&values](std::span<const size_t> samples) {
    double sum = 0;
    for (const size_t i : samples) sum += values[i];
    return sum / static_cast<double>(samples.size());
  };
}

std::vector<double> normals(size_t count, uint64_t seed) {
  Random random(seed, RandomPurpose::selftest);
  std::vector<double> values;
  for (size_t i = 0; i < count; ++i) values.push_back(random.normal());
  return values;
}

TEST(Bootstrap, IntervalOfAMeanHasTheTextbookWidth) {
  const std::vector<double> values = normals(400, 1);
  const Interval interval = bootstrap(singles(400), mean_of(values));
  double variance = 0;
  for (const double value : values) variance += (value - interval.value) * (value - interval.value) / 400;
  const double half = 1.96 * std::sqrt(variance / 400);
  EXPECT_NEAR(interval.low, interval.value - half, 0.1 * half);
  EXPECT_NEAR(interval.high, interval.value + half, 0.1 * half);
  EXPECT_EQ(interval.groups, 400);
  EXPECT_FALSE(interval.too_few);
}

TEST(Bootstrap, EqualMembersOfAGroupCountOnce) {
  const std::vector<double> base = normals(60, 2);
  std::vector<double> repeated;
  std::vector<std::string> groups;
  for (size_t i = 0; i < base.size(); ++i) {
    for (int copy = 0; copy < 5; ++copy) {
      repeated.push_back(base[i]);
      groups.push_back("patient" + std::to_string(i));
    }
  }
  const Interval once = bootstrap(singles(60), mean_of(base));
  const Interval five = bootstrap(groups, mean_of(repeated));
  EXPECT_NEAR(five.low, once.low, 1e-12);  // copying pictures must not narrow the interval
  EXPECT_NEAR(five.high, once.high, 1e-12);
  EXPECT_EQ(five.samples, 300);
  EXPECT_EQ(five.groups, 60);
  const Interval naive = bootstrap(singles(300), mean_of(repeated));
  EXPECT_LT(naive.high - naive.low, 0.6 * (five.high - five.low));
}

TEST(Bootstrap, SameSeedSameInterval) {
  const std::vector<double> values = normals(50, 3);
  const Interval a = bootstrap(singles(50), mean_of(values), {.seed = 7});
  const Interval b = bootstrap(singles(50), mean_of(values), {.seed = 7});
  const Interval c = bootstrap(singles(50), mean_of(values), {.seed = 8});
  EXPECT_EQ(a.low, b.low);
  EXPECT_EQ(a.high, b.high);
  EXPECT_NE(a.low, c.low);
}

TEST(Bootstrap, TooFew) {
  EXPECT_TRUE(too_few(19, 19));
  EXPECT_FALSE(too_few(20, 2));
  EXPECT_TRUE(too_few(500, 1));
  const std::vector<double> values = normals(5, 4);
  EXPECT_TRUE(bootstrap(singles(5), mean_of(values)).too_few);
  const Interval none = bootstrap({}, mean_of(values));
  EXPECT_TRUE(none.too_few);
  EXPECT_TRUE(std::isnan(none.value));
  EXPECT_TRUE(std::isnan(none.low));
}

TEST(Bootstrap, UndefinedDrawsAreCountedNotUsed) {
  const Statistic defined_with_first = [](std::span<const size_t> samples) {
    for (const size_t i : samples) {
      if (i == 0) return 1.0;
    }
    return std::numeric_limits<double>::quiet_NaN();
  };
  const Interval interval = bootstrap(singles(30), defined_with_first);
  EXPECT_NEAR(interval.undefined / 2000.0, std::pow(29.0 / 30, 30), 0.04);
  EXPECT_EQ(interval.low, 1.0);
  const Interval never = bootstrap(singles(30), [](std::span<const size_t>) { return std::nan(""); });
  EXPECT_EQ(never.undefined, 2000);
  EXPECT_TRUE(std::isnan(never.low));
}

TEST(PairedBootstrap, SharedNoiseCancels) {
  const std::vector<double> first = normals(200, 5);
  std::vector<double> second = first;
  for (double& value : second) value += 0.1;
  const PairedDifference result = paired_bootstrap(singles(200), mean_of(first), mean_of(second));
  EXPECT_NEAR(result.difference.value, 0.1, 1e-12);
  EXPECT_NEAR(result.difference.low, 0.1, 1e-9);
  EXPECT_EQ(result.share_second_better, 1.0);
  const PairedDifference same = paired_bootstrap(singles(200), mean_of(first), mean_of(first));
  EXPECT_EQ(same.difference.low, 0.0);
  EXPECT_EQ(same.share_second_better, 0.5);
  const PairedDifference back = paired_bootstrap(singles(200), mean_of(second), mean_of(first));
  EXPECT_NEAR(back.difference.value, -result.difference.value, 1e-12);
}

TEST(Quantile, InterpolatesLinearly) {
  const std::vector<double> values{1, 2, 4, 8};
  EXPECT_DOUBLE_EQ(quantile(values, 0), 1);
  EXPECT_DOUBLE_EQ(quantile(values, 1), 8);
  EXPECT_DOUBLE_EQ(quantile(values, 0.5), 3);
  EXPECT_DOUBLE_EQ(quantile(values, 0.25), 1.75);
}

}  // namespace
}  // namespace dermis
