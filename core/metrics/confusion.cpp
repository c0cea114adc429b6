#include "core/metrics/confusion.h"

#include <limits>
#include <map>

#include "core/error.h"

namespace dermis {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

template <typename F>
double mean_over_classes(int classes, F value_of) {
  double sum = 0;
  int count = 0;
  for (int k = 0; k < classes; ++k) {
    if (const std::optional<double> value = value_of(k)) {
      sum += *value;
      ++count;
    }
  }
  return count == 0 ? kNaN : sum / count;
}

std::optional<double> ratio(int64_t part, int64_t whole) {
  if (whole == 0) return std::nullopt;
  return static_cast<double>(part) / static_cast<double>(whole);
}

}  // namespace

ConfusionMatrix::ConfusionMatrix(int classes) : classes_(classes) {
  DERMIS_CHECK(classes > 0, "a confusion matrix needs classes");
  counts_.assign(static_cast<size_t>(classes) * static_cast<size_t>(classes + 1), 0);
}

void ConfusionMatrix::add(int truth, int prediction) {
  DERMIS_CHECK(truth >= 0 && truth < classes_ && prediction >= -1 && prediction < classes_, "class index");
  const int column = prediction < 0 ? classes_ : prediction;
  ++counts_[static_cast<size_t>(truth) * static_cast<size_t>(classes_ + 1) + static_cast<size_t>(column)];
}

void ConfusionMatrix::add(std::span<const int> truth, std::span<const int> predictions) {
  DERMIS_CHECK(truth.size() == predictions.size(), "one prediction for each truth");
  for (size_t i = 0; i < truth.size(); ++i) add(truth[i], predictions[i]);
}

int64_t ConfusionMatrix::count(int truth, int prediction) const {
  return counts_[static_cast<size_t>(truth) * static_cast<size_t>(classes_ + 1) + static_cast<size_t>(prediction)];
}

int64_t ConfusionMatrix::invalid(int truth) const { return count(truth, classes_); }

int64_t ConfusionMatrix::support(int truth) const {
  int64_t sum = 0;
  for (int k = 0; k <= classes_; ++k) sum += count(truth, k);
  return sum;
}

int64_t ConfusionMatrix::predicted(int prediction) const {
  int64_t sum = 0;
  for (int k = 0; k < classes_; ++k) sum += count(k, prediction);
  return sum;
}

int64_t ConfusionMatrix::total() const {
  int64_t sum = 0;
  for (const int64_t count : counts_) sum += count;
  return sum;
}

double ConfusionMatrix::accuracy() const {
  int64_t hits = 0;
  for (int k = 0; k < classes_; ++k) hits += count(k, k);
  return ratio(hits, total()).value_or(kNaN);
}

std::optional<double> ConfusionMatrix::recall(int of_class) const {
  return ratio(count(of_class, of_class), support(of_class));
}

std::optional<double> ConfusionMatrix::precision(int of_class) const {
  return ratio(count(of_class, of_class), predicted(of_class));
}

std::optional<double> ConfusionMatrix::f1(int of_class) const {
  return ratio(2 * count(of_class, of_class), support(of_class) + predicted(of_class));
}

double ConfusionMatrix::balanced_accuracy() const {
  return mean_over_classes(classes_, [&](int k) { return recall(k); });
}

double ConfusionMatrix::macro_f1() const {
  return mean_over_classes(classes_, [&](int k) { return f1(k); });
}

Collapse collapse_share(std::span<const int> answers) {
  std::map<int, int64_t> counts;
  for (const int answer : answers) ++counts[answer];
  Collapse result{kNaN, -1};
  int64_t most = 0;
  for (const auto& [answer, count] : counts) {
    if (count <= most) continue;
    most = count;
    result = {static_cast<double>(count) / static_cast<double>(answers.size()), answer};
  }
  return result;
}

}  // namespace dermis
