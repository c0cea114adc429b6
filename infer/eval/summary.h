// From predictions to figures: what metrics.json and the report hold. Intervals are 95 % bootstrap by leakage group.
//
// Means over classes (balanced accuracy, macro-F1, AUROC) are over the classes of the whole sample in every draw: a
// draw that misses one of them is left out, so that the figure means the same in all of them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/metrics/bootstrap.h"
#include "core/metrics/calibration.h"
#include "core/metrics/confusion.h"
#include "infer/eval/prediction.h"

namespace dermis {

struct ClassRow {
  std::string name;
  Interval recall;       // over the questions of this class: its support and groups, not the whole set's
  double precision = 0;  // NaN when never predicted
  int64_t support = 0, predicted = 0;
};

struct StratumRow {
  std::string axis, value;     // kNotStated: questions that say nothing on this axis
  Interval balanced_accuracy;  // too_few set below support
  int classes = 0;             // that occur
};
inline constexpr const char* kNotStated = "not stated";

// All closed questions of one type. Classes are the options that occur, in order of first appearance.
struct ClosedSummary {
  std::string question_type;
  std::vector<std::string> classes;
  int64_t count = 0;
  Interval balanced_accuracy, accuracy, macro_f1, auroc, ece, brier;
  std::vector<ClassRow> rows;
  ConfusionMatrix confusion{1};
  std::vector<ReliabilityBin> bins;
  Collapse collapse{0, -1};
  std::vector<StratumRow> strata;  // by axis; numbers in order of size, kNotStated last

  std::vector<const ClassRow*> scarce_classes() const;  // occur, but less often than kMinSupport
};

// All open questions of one type.
struct OpenSummary {
  std::string question_type;
  int64_t count = 0;
  Interval exact_match, token_f1;
  double valid_share = 0;      // non-empty answers
  double truncated_share = 0;  // answers cut at the token limit
  double most_frequent_share = 0;
};

struct EvalSummary {
  std::vector<ClosedSummary> closed;  // the diagnosis question first when there is one, else by count
  std::vector<OpenSummary> open;
};

EvalSummary summarize(const std::vector<Prediction>& predictions, uint64_t seed = 0);
nlohmann::ordered_json to_json(const EvalSummary& summary);

// Both models on the questions that both answered, by question type; second minus first.
struct PairedRow {
  std::string question_type;
  int64_t count = 0;
  Interval first, second;
  PairedDifference difference;
};
std::vector<PairedRow> compare_predictions(const std::vector<Prediction>& first, const std::vector<Prediction>& second,
                                           uint64_t seed = 0);

}  // namespace dermis
