#include "core/metrics/ranking.h"

#include <algorithm>
#include <numeric>

#include "core/error.h"

namespace dermis {

std::optional<double> auroc(std::span<const double> scores, const std::vector<bool>& positive) {
  DERMIS_CHECK(scores.size() == positive.size(), "one score for each label");
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] < scores[b]; });
  double positives = 0;
  double rank_sum = 0;  // of positives; ranks from 1, tied scores share the mean of theirs
  for (size_t begin = 0; begin < order.size();) {
    size_t end = begin;
    double tied_positives = 0;
    for (; end < order.size() && scores[order[end]] == scores[order[begin]]; ++end) {
      tied_positives += positive[order[end]] ? 1 : 0;
    }
    DERMIS_CHECK(end > begin, "a score is not a number");
    rank_sum += tied_positives * (static_cast<double>(begin + 1) + static_cast<double>(end)) / 2;
    positives += tied_positives;
    begin = end;
  }
  const double negatives = static_cast<double>(scores.size()) - positives;
  if (positives == 0 || negatives == 0) return std::nullopt;
  return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives);
}

MultiClassAuroc one_vs_rest_auroc(std::span<const double> probabilities, std::span<const int> truth, int classes) {
  const auto width = static_cast<size_t>(classes);
  DERMIS_CHECK(classes > 0 && probabilities.size() == truth.size() * width, "one row of probabilities for each label");
  MultiClassAuroc result;
  double sum = 0;
  int count = 0;
  for (int k = 0; k < classes; ++k) {
    std::vector<double> scores(truth.size());
    std::vector<bool> positive(truth.size());
    for (size_t i = 0; i < truth.size(); ++i) {
      scores[i] = probabilities[i * width + static_cast<size_t>(k)];
      positive[i] = truth[i] == k;
    }
    result.per_class.push_back(auroc(scores, positive));
    if (!result.per_class.back()) continue;
    sum += *result.per_class.back();
    ++count;
  }
  if (count > 0) result.macro = sum / count;
  return result;
}

}  // namespace dermis
