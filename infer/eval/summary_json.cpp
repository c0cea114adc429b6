#include <cmath>

#include "infer/eval/summary.h"

namespace dermis {
namespace {

nlohmann::ordered_json number(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

// A figure below support is none: null, and `too_few`.
nlohmann::ordered_json interval_json(const Interval& i) {
  nlohmann::ordered_json json = {{"value", i.too_few ? number(NAN) : number(i.value)},
                                 {"low", i.too_few ? number(NAN) : number(i.low)},
                                 {"high", i.too_few ? number(NAN) : number(i.high)},
                                 {"n", i.samples},
                                 {"groups", i.groups}};
  if (i.undefined > 0) json["draws_left_out"] = i.undefined;
  if (i.too_few) json["too_few"] = true;
  return json;
}

nlohmann::ordered_json share(int64_t of, double value) { return number(of < kMinSupport ? NAN : value); }

nlohmann::ordered_json closed_json(const ClosedSummary& s) {
  nlohmann::ordered_json json = {{"question_type", s.question_type},
                                 {"n", s.count},
                                 {"classes", s.classes},
                                 {"balanced_accuracy", interval_json(s.balanced_accuracy)},
                                 {"accuracy", interval_json(s.accuracy)},
                                 {"macro_f1", interval_json(s.macro_f1)},
                                 {"auroc", interval_json(s.auroc)},
                                 {"ece", interval_json(s.ece)},
                                 {"brier", interval_json(s.brier)}};
  json["most_frequent_answer"] = {
      {"answer", s.collapse.answer < 0 ? "" : s.classes[static_cast<size_t>(s.collapse.answer)]},
      {"share", share(s.count, s.collapse.share)}};
  for (const ClassRow& row : s.rows) {
    json["per_class"].push_back({{"class", row.name},
                                 {"recall", interval_json(row.recall)},
                                 {"precision", share(row.predicted, row.precision)},
                                 {"support", row.support},
                                 {"predicted", row.predicted}});
  }
  for (int t = 0; t < s.confusion.classes(); ++t) {
    nlohmann::ordered_json line = nlohmann::ordered_json::array();
    for (int p = 0; p < s.confusion.classes(); ++p) line.push_back(s.confusion.count(t, p));
    json["confusion"].push_back(line);
  }
  for (const StratumRow& row : s.strata) {
    json["strata"].push_back({{"axis", row.axis},
                              {"value", row.value},
                              {"classes", row.classes},
                              {"balanced_accuracy", interval_json(row.balanced_accuracy)}});
  }
  return json;
}

}  // namespace

nlohmann::ordered_json to_json(const EvalSummary& summary) {
  nlohmann::ordered_json json = {
      {"schema", 1}, {"closed", nlohmann::ordered_json::array()}, {"open", nlohmann::ordered_json::array()}};
  for (const ClosedSummary& s : summary.closed) json["closed"].push_back(closed_json(s));
  for (const OpenSummary& s : summary.open) {
    json["open"].push_back({{"question_type", s.question_type},
                            {"n", s.count},
                            {"exact_match", interval_json(s.exact_match)},
                            {"token_f1", interval_json(s.token_f1)},
                            {"valid_share", share(s.count, s.valid_share)},
                            {"truncated_share", share(s.count, s.truncated_share)},
                            {"most_frequent_share", share(s.count, s.most_frequent_share)}});
  }
  return json;
}

}  // namespace dermis
