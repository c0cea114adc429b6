// Area under the ROC curve from scores, ties by midrank (Hanley and McNeil 1982; equal to the Mann-Whitney statistic).
#pragma once

#include <optional>
#include <span>
#include <vector>

namespace dermis {

// Probability that a positive scores above a negative, ties counted half. Absent when one of the two does not occur.
std::optional<double> auroc(std::span<const double> scores, const std::vector<bool>& positive);

struct MultiClassAuroc {
  std::vector<std::optional<double>> per_class;  // one against the rest; absent without both
  std::optional<double> macro;                   // mean over the classes that have one
};
// probabilities [N][classes], row-major.
MultiClassAuroc one_vs_rest_auroc(std::span<const double> probabilities, std::span<const int> truth, int classes);

}  // namespace dermis
