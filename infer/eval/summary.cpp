#include "infer/eval/summary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

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

double auroc_of(const ClosedArrays& a, std::span<const size_t> samples) {
  const auto classes = a.classes.size();
  std::vector<double> probabilities;
  std::vector<int> truth;
  probabilities.reserve(samples.size() * classes);
  for (const size_t i : samples) {
    const auto row = a.probabilities.begin() + static_cast<std::ptrdiff_t>(i * classes);
    probabilities.insert(probabilities.end(), row, row + static_cast<std::ptrdiff_t>(classes));
    truth.push_back(a.truth[i]);
  }
  return one_vs_rest_auroc(probabilities, truth, a.class_count()).macro.value_or(std::nan(""));
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

std::vector<StratumRow> strata_of(const std::vector<const Prediction*>& predictions, const ClosedArrays& a,
                                  const BootstrapOptions& options) {
  std::map<std::pair<std::string, std::string>, std::vector<size_t>> members;
  for (size_t i = 0; i < predictions.size(); ++i) {
    for (const auto& [axis, value] : predictions[i]->strata) members[{axis, value}].push_back(i);
  }
  std::vector<StratumRow> rows;
  for (const auto& [key, samples] : members) {
    std::vector<std::string> groups;
    for (const size_t i : samples) groups.push_back(a.groups[i]);
    const auto statistic = [&, &samples = samples](std::span<const size_t> drawn) {
      std::vector<size_t> original;
      for (const size_t d : drawn) original.push_back(samples[d]);
      return confusion_of(a, original).balanced_accuracy();
    };
    rows.push_back({key.first, key.second, bootstrap(groups, statistic, options)});
  }
  return rows;
}

ClosedSummary summarize_closed(const std::string& type, const std::vector<const Prediction*>& predictions,
                               const BootstrapOptions& options) {
  const ClosedArrays a = arrays_of(predictions);
  ClosedSummary s;
  s.question_type = type;
  s.classes = a.classes;
  s.count = static_cast<int64_t>(predictions.size());
  const auto interval = [&](const Statistic& statistic) { return bootstrap(a.groups, statistic, options); };
  s.balanced_accuracy = interval([&](std::span<const size_t> x) { return confusion_of(a, x).balanced_accuracy(); });
  s.accuracy = interval([&](std::span<const size_t> x) { return confusion_of(a, x).accuracy(); });
  s.macro_f1 = interval([&](std::span<const size_t> x) { return confusion_of(a, x).macro_f1(); });
  s.auroc = interval([&](std::span<const size_t> x) { return auroc_of(a, x); });
  s.brier = interval([&](std::span<const size_t> x) { return brier_of(a, x); });
  s.ece = interval([&](std::span<const size_t> x) { return expected_calibration_error(bins_of(a, x)); });
  const std::vector<size_t> everything = all_of(predictions.size());
  s.confusion = confusion_of(a, everything);
  s.bins = bins_of(a, everything);
  s.collapse = collapse_share(a.predicted);
  for (int c = 0; c < a.class_count(); ++c) {
    ClassRow row;
    row.name = a.classes[static_cast<size_t>(c)];
    row.recall =
        interval([&](std::span<const size_t> x) { return confusion_of(a, x).recall(c).value_or(std::nan("")); });
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
  const auto mean_of = [](const std::vector<double>& values) {
    return [&values](std::span<const size_t> x) {
      double total = 0;
      for (const size_t i : x) total += values[i];
      return x.empty() ? std::nan("") : total / static_cast<double>(x.size());
    };
  };
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
      return [&arrays](std::span<const size_t> x) { return confusion_of(arrays, x).balanced_accuracy(); };
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
