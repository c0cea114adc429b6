#include "core/metrics/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace dermis {

std::vector<ReliabilityBin> reliability_bins(std::span<const double> confidence, const std::vector<bool>& correct,
                                             int bins) {
  DERMIS_CHECK(confidence.size() == correct.size() && bins > 0, "one verdict for each confidence");
  std::vector<ReliabilityBin> result(static_cast<size_t>(bins));
  for (int i = 0; i < bins; ++i) {
    result[static_cast<size_t>(i)].low = static_cast<double>(i) / bins;
    result[static_cast<size_t>(i)].high = static_cast<double>(i + 1) / bins;
  }
  for (size_t i = 0; i < confidence.size(); ++i) {
    const double value = confidence[i];
    DERMIS_CHECK(value >= 0 && value <= 1 + 1e-9, "a confidence is not in [0, 1]");
    auto bin = static_cast<size_t>(std::max(0.0, std::ceil(value * bins) - 1));
    bin = std::min(bin, static_cast<size_t>(bins - 1));
    // The product may round across an edge that the bin's own bounds do not.
    if (value <= result[bin].low && bin > 0) --bin;
    if (value > result[bin].high && bin + 1 < result.size()) ++bin;
    ++result[bin].count;
    result[bin].mean_confidence += value;
    result[bin].accuracy += correct[i] ? 1 : 0;
  }
  for (ReliabilityBin& bin : result) {
    if (bin.count == 0) continue;
    bin.mean_confidence /= static_cast<double>(bin.count);
    bin.accuracy /= static_cast<double>(bin.count);
  }
  return result;
}

double expected_calibration_error(std::span<const ReliabilityBin> bins) {
  double sum = 0;
  int64_t count = 0;
  for (const ReliabilityBin& bin : bins) {
    sum += static_cast<double>(bin.count) * std::abs(bin.accuracy - bin.mean_confidence);
    count += bin.count;
  }
  return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / static_cast<double>(count);
}

double brier_score(std::span<const double> probabilities, std::span<const int> truth, int classes) {
  const auto width = static_cast<size_t>(classes);
  DERMIS_CHECK(classes > 0 && probabilities.size() == truth.size() * width, "one row of probabilities for each label");
  if (truth.empty()) return std::numeric_limits<double>::quiet_NaN();
  double sum = 0;
  for (size_t i = 0; i < truth.size(); ++i) {
    for (size_t k = 0; k < width; ++k) {
      const double target = static_cast<size_t>(truth[i]) == k ? 1 : 0;
      const double difference = probabilities[i * width + k] - target;
      sum += difference * difference;
    }
  }
  return sum / static_cast<double>(truth.size());
}

}  // namespace dermis
