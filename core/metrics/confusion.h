// Confusion matrix and what follows from it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dermis {

class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(int classes);
  // Class indices in [0, classes). A prediction of -1 (no valid answer) counts as wrong for its true class.
  void add(int truth, int prediction);
  void add(std::span<const int> truth, std::span<const int> predictions);

  int classes() const { return classes_; }
  int64_t count(int truth, int prediction) const;
  int64_t invalid(int truth) const;  // predictions of -1
  int64_t support(int truth) const;  // samples of this class, invalid predictions included
  int64_t predicted(int prediction) const;
  int64_t total() const;

  double accuracy() const;                              // NaN without samples
  std::optional<double> recall(int of_class) const;     // absent without support
  std::optional<double> precision(int of_class) const;  // absent when never predicted
  // 2 TP / (2 TP + FP + FN); absent for a class that neither occurs nor is predicted, 0 without any hit.
  std::optional<double> f1(int of_class) const;
  double balanced_accuracy() const;  // mean recall over the classes that occur; NaN without samples
  double macro_f1() const;           // mean F1 over the classes that occur or are predicted; NaN without samples

 private:
  int classes_;
  std::vector<int64_t> counts_;  // [truth][prediction], last column: invalid
};

// Share of the most frequent answer: near 1 when a model says the same whatever it is asked. NaN for no answers.
struct Collapse {
  double share;
  int answer;  // -1: the invalid one
};
Collapse collapse_share(std::span<const int> answers);

}  // namespace dermis
