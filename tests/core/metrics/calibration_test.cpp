#include "core/metrics/calibration.h"

#include <gtest/gtest.h>

#include <cmath>

namespace dermis {
namespace {

TEST(Calibration, HandWorkedBins) {
  const std::vector<double> confidence{0.0, 0.2, 0.25, 0.9, 1.0, 0.95};
  const std::vector<bool> correct{false, false, true, true, true, false};
  const auto bins = reliability_bins(confidence, correct, 5);
  ASSERT_EQ(bins.size(), 5U);
  EXPECT_EQ(bins[0].count, 2);  // 0.2 belongs to (0, 0.2]
  EXPECT_EQ(bins[1].count, 1);
  EXPECT_EQ(bins[4].count, 3);
  EXPECT_DOUBLE_EQ(bins[0].mean_confidence, 0.1);
  EXPECT_DOUBLE_EQ(bins[4].accuracy, 2.0 / 3);
  // (2 |0 - 0.1| + 1 |1 - 0.25| + 3 |2/3 - 0.95|) / 6
  EXPECT_NEAR(expected_calibration_error(bins), (0.2 + 0.75 + 0.85) / 6, 1e-12);
}

TEST(Calibration, EveryEdgeFallsIntoTheBinBelow) {
  for (const int bins : {3, 10, 15, 49}) {
    for (int k = 1; k <= bins; ++k) {
      const std::vector<double> edge{static_cast<double>(k) / bins};
      const auto result = reliability_bins(edge, {true}, bins);
      EXPECT_EQ(result[static_cast<size_t>(k - 1)].count, 1) << k << "/" << bins;
    }
  }
}

TEST(Calibration, PerfectConfidenceHasNoError) {
  const std::vector<double> sure(10, 1.0);
  EXPECT_DOUBLE_EQ(expected_calibration_error(reliability_bins(sure, std::vector<bool>(10, true))), 0.0);
  EXPECT_DOUBLE_EQ(expected_calibration_error(reliability_bins(sure, std::vector<bool>(10, false))), 1.0);
  EXPECT_TRUE(std::isnan(expected_calibration_error(reliability_bins({}, {}))));
}

TEST(Brier, HandWorked) {
  const std::vector<double> probabilities{0.7, 0.2, 0.1, 0.0, 1.0, 0.0};
  const std::vector<int> truth{0, 2};
  EXPECT_NEAR(brier_score(probabilities, truth, 3), ((0.09 + 0.04 + 0.01) + (0 + 1 + 1)) / 2, 1e-12);
  EXPECT_TRUE(std::isnan(brier_score({}, {}, 3)));
}

TEST(Brier, UniformGuessIsOneMinusOneOverK) {
  const std::vector<double> probabilities{0.25, 0.25, 0.25, 0.25};
  EXPECT_NEAR(brier_score(probabilities, std::vector<int>{3}, 4), 0.75, 1e-12);
}

}  // namespace
}  // namespace dermis
