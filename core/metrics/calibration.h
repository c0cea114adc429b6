// Do probabilities mean what they say?
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace dermis {

struct ReliabilityBin {
  double low = 0, high = 0;  // confidences in (low, high]; the first bin holds 0 too
  int64_t count = 0;
  double mean_confidence = 0;  // 0 when empty
  double accuracy = 0;
};

constexpr int kReliabilityBins = 15;

// Bins of equal width over the confidence of each answer (Naeini et al. 2015; Guo et al. 2017).
std::vector<ReliabilityBin> reliability_bins(std::span<const double> confidence, const std::vector<bool>& correct,
                                             int bins = kReliabilityBins);
// Expected calibration error: mean of |accuracy - mean confidence| over the bins, weighted by count. NaN without
// samples.
double expected_calibration_error(std::span<const ReliabilityBin> bins);

// Multi-class Brier score: mean over samples of the squared distance between the probabilities and the one-hot truth,
// in [0, 2]. probabilities [N][classes], row-major. NaN without samples.
double brier_score(std::span<const double> probabilities, std::span<const int> truth, int classes);

}  // namespace dermis
