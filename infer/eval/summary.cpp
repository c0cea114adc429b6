#include "infer/eval/summary.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "core/metrics/ranking.h"
#include "core/metrics/text_match.h"

namespace dermis {
namespace {

// The predictions of one closed question type as plain arrays.
struct ClosedArrays {
  std::vector<std::string> classes;
  std::vector<int> truth, predicted;
  std::vector<double> probabilities;  // [N][classes]
  std::vector<double> confidence;
  std::vector<bool> right;
  std::vector<std::string> groups;

  int class_count() const { return static_cast<int>(classes.size()); }
};

// `values` must outlive the statistic.
Statistic mean_of(const std::vector<double>& values) {
  return [&values](std::span<const size_t> samples) {
    double total = 0;
    for (const size_t i : samples) total += values[i];
    return samples.empty() ? std::nan("") : total / static_cast<double>(samples.size());
  };
}

int index_of(const std::vector<std::string>& names, const std::string& name) {
  return static_cast<int>(std::find(names.begin(), names.end(), name) - names.begin());
}

ClosedArrays arrays_of(const std::vector<const Prediction*>& predictions) {
  ClosedArrays a;
  for (const Prediction* p : predictions) {
    for (const std::string& option : p->options) {
      if (std::find(a.classes.begin(), a.classes.end(), option) == a.classes.end()) a.classes.push_back(option);
    }
  }
  for (const Prediction* p : predictions) {
    a.truth.push_back(index_of(a.classes, p->expected));
    a.predicted.push_back(index_of(a.classes, p->predicted));
    std::vector<double> row(a.classes.size(), 0.0);
    for (size_t i = 0; i < p->options.size(); ++i)
      row[static_cast<size_t>(index_of(a.classes, p->options[i]))] = p->probabilities[i];
    a.probabilities.insert(a.probabilities.end(), row.begin(), row.end());
    a.confidence.push_back(*std::max_element(p->probabilities.begin(), p->probabilities.end()));
    a.right.push_back(p->expected == p->predicted);
    a.groups.push_back(p->group);
  }
  return a;
}

ConfusionMatrix confusion_of(const ClosedArrays& a, std::span<const size_t> samples) {
  ConfusionMatrix matrix(a.class_count());
  for (const size_t i : samples) matrix.add(a.truth[i], a.predicted[i]);
  return matrix;
}

// The classes of these samples. Statistics are means over them in every draw of the samples, NaN where a draw misses
// one.
std::vector<int> classes_in(const ClosedArrays& a, std::span<const size_t> samples) {
  const ConfusionMatrix matrix = confusion_of(a, samples);
  std::vector<int> present;
  for (int k = 0; k < a.class_count(); ++k) {
    if (matrix.support(k) > 0) present.push_back(k);
  }
  return present;
}

double balanced_accuracy_of(const ClosedArrays& a, std::span<const size_t> samples, const std::vector<int>& classes) {
  const ConfusionMatrix matrix = confusion_of(a, samples);
  double sum = 0;
  for (const int k : classes) sum += matrix.recall(k).value_or(std::nan(""));
  return sum / static_cast<double>(classes.size());
}

// Also over `answered`, the classes that are answered but do not occur: none of their answers is right.
double macro_f1_of(const ClosedArrays& a, std::span<const size_t> samples, const std::vector<int>& classes,
                   size_t answered) {
  const ConfusionMatrix matrix = confusion_of(a, samples);
  double sum = 0;
  for (const int k : classes) sum += matrix.support(k) > 0 ? *matrix.f1(k) : std::nan("");
  return sum / static_cast<double>(classes.size() + answered);
}

double auroc_of(const ClosedArrays& a, std::span<const size_t> samples, const std::vector<int>& classes) {
  const auto width = a.classes.size();
  double sum = 0;
  for (const int k : classes) {
    std::vector<double> scores;
    std::vector<bool> positive;
    for (const size_t i : samples) {
      scores.push_back(a.probabilities[i * width + static_cast<size_t>(k)]);
      positive.push_back(a.truth[i] == k);
    }
    sum += auroc(scores, positive).value_or(std::nan(""));
  }
  return sum / static_cast<double>(classes.size());
}

double brier_of(const ClosedArrays& a, std::span<const size_t> samples) {
  double total = 0;
  const size_t classes = a.classes.size();
  for (const size_t i : samples) {
    const int truth = a.truth[i];
    total +=
        brier_score(std::span(a.probabilities).subspan(i * classes, classes), std::span(&truth, 1), a.class_count());
  }
  return samples.empty() ? std::nan("") : total / static_cast<double>(samples.size());
}

std::vector<ReliabilityBin> bins_of(const ClosedArrays& a, std::span<const size_t> samples) {
  std::vector<double> confidence;
  std::vector<bool> right;
  for (const size_t i : samples) {
    confidence.push_back(a.confidence[i]);
    right.push_back(a.right[i]);
  }
  return reliability_bins(confidence, right);
}

std::vector<size_t> all_of(size_t count) {
  std::vector<size_t> samples(count);
  for (size_t i = 0; i < count; ++i) samples[i] = i;
  return samples;
}

// "under 20" before "20-39" before "100 and over", other words by the alphabet, what is not stated last.
bool stratum_before(const std::string& a, const std::string& b) {
  const auto key = [](const std::string& value) {
    const size_t digit = value.find_first_of("0123456789");
    const double number = digit == std::string::npos ? HUGE_VAL : std::strtod(value.c_str() + digit, nullptr);
    return std::tuple(value == kNotStated, number, digit == 0, value);
  };
  return key(a) < key(b);
}

struct StratumKeyOrder {
  bool operator()(const std::pair<std::string, std::string>& a, const std::pair<std::string, std::string>& b) const {
    return a.first != b.first ? a.first < b.first : stratum_before(a.second, b.second);
  }
};

std::vector<StratumRow> strata_of(const std::vector<const Prediction*>& predictions, const ClosedArrays& a,
                                  const BootstrapOptions& options) {
  std::set<std::string> axes;
  for (const Prediction* p : predictions) {
    for (const auto& [axis, value] : p->strata) axes.insert(axis);
  }
  std::map<std::pair<std::string, std::string>, std::vector<size_t>, StratumKeyOrder> members;
  for (size_t i = 0; i < predictions.size(); ++i) {
    const auto& strata = predictions[i]->strata;
    for (const std::string& axis : axes) {
      const auto value = strata.find(axis);
      members[{axis, value == strata.end() ? kNotStated : value->second}].push_back(i);
    }
  }
  std::vector<StratumRow> rows;
  for (const auto& [key, samples] : members) {
    std::vector<std::string> groups;
    for (const size_t i : samples) groups.push_back(a.groups[i]);
    const std::vector<int> classes = classes_in(a, samples);
    const auto statistic = [&, &samples = samples](std::span<const size_t> drawn) {
      std::vector<size_t> original;
      for (const size_t d : drawn) original.push_back(samples[d]);
      return balanced_accuracy_of(a, original, classes);
    };
    rows.push_back({key.first, key.second, bootstrap(groups, statistic, options), static_cast<int>(classes.size())});
  }
  return rows;
}

// Draws whole groups of those that hold the class.
Interval recall_of(const ClosedArrays& a, int of_class, const BootstrapOptions& options) {
  std::vector<std::string> groups;
  std::vector<double> hits;
  for (size_t i = 0; i < a.truth.size(); ++i) {
    if (a.truth[i] != of_class) continue;
    groups.push_back(a.groups[i]);
    hits.push_back(a.predicted[i] == of_class ? 1 : 0);
  }
  return bootstrap(groups, mean_of(hits), options);
}

ClosedSummary summarize_closed(const std::string& type, const std::vector<const Prediction*>& predictions,
                               const BootstrapOptions& options) {
  const ClosedArrays a = arrays_of(predictions);
  ClosedSummary s;
  s.question_type = type;
  s.classes = a.classes;
  s.count = static_cast<int64_t>(predictions.size());
  const std::vector<size_t> everything = all_of(predictions.size());
  s.confusion = confusion_of(a, everything);
  const std::vector<int> classes = classes_in(a, everything);
  size_t answered = 0;  // without occurring
  for (int k = 0; k < a.class_count(); ++k)
    answered += s.confusion.support(k) == 0 && s.confusion.predicted(k) > 0 ? 1 : 0;
  const auto interval = [&](const Statistic& statistic) { return bootstrap(a.groups, statistic, options); };
  s.balanced_accuracy = interval([&](std::span<const size_t> x) { return balanced_accuracy_of(a, x, classes); });
  s.accuracy = interval([&](std::span<const size_t> x) { return confusion_of(a, x).accuracy(); });
  s.macro_f1 = interval([&](std::span<const size_t> x) { return macro_f1_of(a, x, classes, answered); });
  s.auroc = interval([&](std::span<const size_t> x) { return auroc_of(a, x, classes); });
  s.brier = interval([&](std::span<const size_t> x) { return brier_of(a, x); });
  s.ece = interval([&](std::span<const size_t> x) { return expected_calibration_error(bins_of(a, x)); });
  s.bins = bins_of(a, everything);
  s.collapse = collapse_share(a.predicted);
  for (int c = 0; c < a.class_count(); ++c) {
    ClassRow row;
    row.name = a.classes[static_cast<size_t>(c)];
    row.recall = recall_of(a, c, options);
    row.precision = s.confusion.precision(c).value_or(std::nan(""));
    row.support = s.confusion.support(c);
    row.predicted = s.confusion.predicted(c);
    s.rows.push_back(row);
  }
  s.strata = strata_of(predictions, a, options);
  return s;
}

OpenSummary summarize_open(const std::string& type, const std::vector<const Prediction*>& predictions,
                           const BootstrapOptions& options) {
  OpenSummary s;
  s.question_type = type;
  s.count = static_cast<int64_t>(predictions.size());
  std::vector<std::string> groups;
  std::vector<double> exact;
  std::vector<double> f1;
  std::map<std::string, int64_t> frequency;
  for (const Prediction* p : predictions) {
    groups.push_back(p->group);
    exact.push_back(exact_match(p->predicted, p->expected) ? 1 : 0);
    f1.push_back(token_f1(p->predicted, p->expected));
    s.valid_share += p->valid ? 1 : 0;
    s.truncated_share += p->finished ? 0 : 1;
    s.most_frequent_share =
        std::max(s.most_frequent_share, static_cast<double>(++frequency[normalize_answer(p->predicted)]));
  }
  const auto n = static_cast<double>(s.count);
  s.valid_share /= n;
  s.truncated_share /= n;
  s.most_frequent_share /= n;
  s.exact_match = bootstrap(groups, mean_of(exact), options);
  s.token_f1 = bootstrap(groups, mean_of(f1), options);
  return s;
}

using ByType = std::map<std::string, std::vector<const Prediction*>>;

ByType by_type(const std::vector<Prediction>& predictions) {
  ByType types;
  for (const Prediction& p : predictions) types[p.question_type].push_back(&p);
  return types;
}

// What is asked of most pictures first, a question about the diagnosis before all others.
bool comes_first(const std::string& type_a, int64_t count_a, const std::string& type_b, int64_t count_b) {
  const bool diagnosis_a = type_a.starts_with("diagnosis");
  const bool diagnosis_b = type_b.starts_with("diagnosis");
  return diagnosis_a != diagnosis_b ? diagnosis_a : count_a > count_b;
}

}  // namespace

std::vector<const ClassRow*> ClosedSummary::scarce_classes() const {
  std::vector<const ClassRow*> scarce;
  for (const ClassRow& row : rows) {
    if (row.support > 0 && row.support < kMinSupport) scarce.push_back(&row);
  }
  return scarce;
}

EvalSummary summarize(const std::vector<Prediction>& predictions, uint64_t seed) {
  const BootstrapOptions options{.seed = seed};
  EvalSummary summary;
  for (const auto& [type, members] : by_type(predictions)) {
    std::vector<const Prediction*> closed;
    std::vector<const Prediction*> open;
    for (const Prediction* p : members) (p->closed() ? closed : open).push_back(p);
    if (!closed.empty()) summary.closed.push_back(summarize_closed(type, closed, options));
    if (!open.empty()) summary.open.push_back(summarize_open(type, open, options));
  }
  std::stable_sort(summary.closed.begin(), summary.closed.end(), [](const ClosedSummary& a, const ClosedSummary& b) {
    return comes_first(a.question_type, a.count, b.question_type, b.count);
  });
  return summary;
}

std::vector<PairedRow> compare_predictions(const std::vector<Prediction>& first, const std::vector<Prediction>& second,
                                           uint64_t seed) {
  std::map<std::string, const Prediction*> of_second;
  for (const Prediction& p : second) of_second[p.id] = &p;
  std::vector<PairedRow> rows;
  for (const auto& [type, members] : by_type(first)) {
    std::vector<const Prediction*> a;
    std::vector<const Prediction*> b;
    for (const Prediction* p : members) {
      const auto other = of_second.find(p->id);
      if (!p->closed() || other == of_second.end()) continue;
      a.push_back(p);
      b.push_back(other->second);
    }
    if (a.empty()) continue;
    const ClosedArrays left = arrays_of(a);
    const ClosedArrays right = arrays_of(b);
    const auto balanced = [](const ClosedArrays& arrays) {
      return [&arrays, classes = classes_in(arrays, all_of(arrays.truth.size()))](std::span<const size_t> x) {
        return balanced_accuracy_of(arrays, x, classes);
      };
    };
    const BootstrapOptions options{.seed = seed};
    rows.push_back({type, static_cast<int64_t>(a.size()), bootstrap(left.groups, balanced(left), options),
                    bootstrap(left.groups, balanced(right), options),
                    paired_bootstrap(left.groups, balanced(left), balanced(right), options)});
  }
  std::stable_sort(rows.begin(), rows.end(), [](const PairedRow& a, const PairedRow& b) {
    return comes_first(a.question_type, a.count, b.question_type, b.count);
  });
  return rows;
}

}  // namespace dermis
