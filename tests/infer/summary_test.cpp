// Figures of an evaluation against hand-worked cases.
#include "infer/eval/summary.h"

#include <gtest/gtest.h>

#include <cmath>

namespace dermis {
namespace {

Prediction closed(const std::string& id, const std::string& group, const std::string& expected, double p_yes) {
  Prediction p;
  p.id = id;
  p.item = id;
  p.group = group;
  p.question_type = "diagnosis_closed";
  p.expected = expected;
  p.options = {"yes", "no"};
  p.probabilities = {p_yes, 1 - p_yes};
  p.predicted = p_yes >= 0.5 ? "yes" : "no";
  return p;
}

// Truth yes: 3 of 4 right; truth no: 1 of 2 right.
std::vector<Prediction> six() {
  return {closed("a", "1", "yes", 0.9), closed("b", "2", "yes", 0.8), closed("c", "3", "yes", 0.7),
          closed("d", "4", "yes", 0.2), closed("e", "5", "no", 0.6),  closed("f", "6", "no", 0.1)};
}

TEST(Summary, BalancedAccuracyIsTheMeanRecall) {
  const EvalSummary summary = summarize(six());
  ASSERT_EQ(summary.closed.size(), 1U);
  const ClosedSummary& s = summary.closed.front();
  EXPECT_DOUBLE_EQ(s.balanced_accuracy.value, (0.75 + 0.5) / 2);
  EXPECT_NEAR(s.accuracy.value, 4.0 / 6, 1e-12);
  EXPECT_EQ(s.confusion.count(0, 0), 3);
  EXPECT_EQ(s.confusion.count(0, 1), 1);
  EXPECT_EQ(s.confusion.count(1, 0), 1);
  EXPECT_TRUE(s.balanced_accuracy.too_few) << "six samples are below support";
}

TEST(Summary, AurocCountsOrderedPairs) {
  // Of 4 x 2 pairs (yes, no): 0.9, 0.8, 0.7 beat both 0.6 and 0.1, 0.2 beats only 0.1: 7 of 8. The other class mirrors
  // it.
  EXPECT_DOUBLE_EQ(summarize(six()).closed.front().auroc.value, 7.0 / 8);
}

TEST(Summary, BrierIsTheMeanSquaredDistance) {
  double expected = 0;
  for (const double miss : {0.1, 0.2, 0.3, 0.8, 0.6, 0.1}) expected += 2 * miss * miss / 6;
  EXPECT_NEAR(summarize(six()).closed.front().brier.value, expected, 1e-12);
}

TEST(Summary, CollapseIsTheMostFrequentAnswer) {
  const ClosedSummary s = summarize(six()).closed.front();
  EXPECT_NEAR(s.collapse.share, 4.0 / 6, 1e-12);
  EXPECT_EQ(s.classes[static_cast<size_t>(s.collapse.answer)], "yes");
}

TEST(Summary, StrataAreApartAndSmallOnesGetNoFigure) {
  std::vector<Prediction> predictions;
  for (int i = 0; i < 60; ++i) {
    Prediction p =
        closed("p" + std::to_string(i), "g" + std::to_string(i), i % 2 == 0 ? "yes" : "no", i % 2 == 0 ? 0.9 : 0.1);
    p.strata = {{"sex", i < 55 ? "female" : "male"}};
    predictions.push_back(p);
  }
  const ClosedSummary s = summarize(predictions).closed.front();
  ASSERT_EQ(s.strata.size(), 2U);
  EXPECT_EQ(s.strata[0].value, "female");
  EXPECT_FALSE(s.strata[0].balanced_accuracy.too_few);
  EXPECT_DOUBLE_EQ(s.strata[0].balanced_accuracy.value, 1.0);
  EXPECT_TRUE(s.strata[1].balanced_accuracy.too_few);
}

// 30 times "yes" and 2 times "no", all answered "yes": half of the mean recall whatever is drawn. Draws without a "no"
// (about (1 - 2/32)^32 = 13 % of them) would have a recall of 1 and are left out.
TEST(Summary, DrawsWithoutAClassAreLeftOut) {
  std::vector<Prediction> predictions;
  for (int i = 0; i < 32; ++i)
    predictions.push_back(closed("p" + std::to_string(i), std::to_string(i), i < 30 ? "yes" : "no", 0.9));
  const ClosedSummary s = summarize(predictions).closed.front();
  EXPECT_EQ(s.balanced_accuracy.value, 0.5);
  EXPECT_EQ(s.balanced_accuracy.low, 0.5);
  EXPECT_EQ(s.balanced_accuracy.high, 0.5);
  EXPECT_NEAR(s.balanced_accuracy.undefined, 0.127 * 2000, 80);
  EXPECT_FALSE(s.balanced_accuracy.too_few);
  // F1 of "yes" is between 2/3 and 1 in every draw, of "no" it is 0.
  EXPECT_NEAR(s.macro_f1.value, (2.0 * 30 / 62 + 0) / 2, 1e-12);
  EXPECT_LT(s.macro_f1.high, 0.5);
  const auto paired = compare_predictions(predictions, predictions).front();
  EXPECT_EQ(paired.first.high, 0.5);
  ASSERT_EQ(s.scarce_classes().size(), 1U);
  EXPECT_EQ(s.scarce_classes()[0]->name, "no");
}

TEST(Summary, ARecallStandsOnItsClassAlone) {
  std::vector<Prediction> predictions;
  for (int i = 0; i < 46; ++i)
    predictions.push_back(
        closed("p" + std::to_string(i), std::to_string(i / 2), i < 40 ? "yes" : "no", i % 4 == 0 ? 0.1 : 0.9));
  const EvalSummary summary = summarize(predictions);
  const ClosedSummary& s = summary.closed.front();
  EXPECT_EQ(s.rows[0].recall.samples, 40);
  EXPECT_EQ(s.rows[0].recall.groups, 20);
  EXPECT_EQ(s.rows[0].recall.value, 0.75);
  EXPECT_FALSE(s.rows[0].recall.too_few);
  EXPECT_EQ(s.rows[1].recall.samples, 6);
  EXPECT_TRUE(s.rows[1].recall.too_few);
  const auto json = to_json(summary).at("closed")[0].at("per_class")[1];
  EXPECT_EQ(json.at("recall").at("n"), 6);
  EXPECT_TRUE(json.at("recall").at("value").is_null());
  EXPECT_TRUE(json.at("recall").at("too_few").get<bool>());
}

TEST(Summary, StrataAreInOrderAndWhatIsNotStatedIsTold) {
  std::vector<Prediction> predictions;
  const std::vector<std::string> ages{"under 20", "80 and over", "20-39", "", "100 and over"};
  for (size_t i = 0; i < 5; ++i) {
    predictions.push_back(closed("p" + std::to_string(i), "", "yes", 0.9));
    if (!ages[i].empty()) predictions.back().strata["age_band"] = ages[i];
  }
  predictions[0].strata["sex"] = "female";
  std::vector<std::string> rows;
  const ClosedSummary s = summarize(predictions).closed.front();
  for (const StratumRow& row : s.strata)
    rows.push_back(row.axis + " " + row.value + " " + std::to_string(row.balanced_accuracy.samples));
  EXPECT_EQ(rows, (std::vector<std::string>{"age_band under 20 1", "age_band 20-39 1", "age_band 80 and over 1",
                                            "age_band 100 and over 1", "age_band not stated 1", "sex female 1",
                                            "sex not stated 4"}));
  EXPECT_EQ(s.strata[0].classes, 1);
}

TEST(Summary, OpenQuestionsReportValidityAndTruncation) {
  std::vector<Prediction> predictions(4);
  const std::vector<std::string> answers{"The border is irregular.", "", "irregular border", "a long answer that"};
  for (size_t i = 0; i < 4; ++i) {
    predictions[i].id = std::to_string(i);
    predictions[i].group = std::to_string(i);
    predictions[i].question_type = "border";
    predictions[i].expected = "the border is irregular";
    predictions[i].predicted = answers[i];
    predictions[i].valid = !answers[i].empty();
    predictions[i].finished = i != 3;
  }
  const OpenSummary s = summarize(predictions).open.front();
  EXPECT_DOUBLE_EQ(s.exact_match.value, 0.25);
  EXPECT_DOUBLE_EQ(s.valid_share, 0.75);
  EXPECT_DOUBLE_EQ(s.truncated_share, 0.25);
  // Tokens without articles: "border is irregular" (3). Answer 3 shares two of its two: F1 = 2 * 1 * (2/3) / (1 + 2/3)
  // = 0.8.
  EXPECT_NEAR(s.token_f1.value, (1.0 + 0.0 + 0.8 + 0.0) / 4, 1e-12);
}

TEST(Summary, PairedDifferenceOfEqualModelsIsZero) {
  const auto rows = compare_predictions(six(), six());
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].count, 6);
  EXPECT_DOUBLE_EQ(rows[0].difference.difference.value, 0.0);
}

TEST(Prediction, JsonRoundTripKeepsEverything) {
  Prediction p = closed("x#1", "g", "yes", 0.25);
  p.strata = {{"sex", "male"}};
  p.sample = 7;
  p.log_likelihood = -1.5;
  const Prediction q = prediction_from_json(to_json(p), "here");
  EXPECT_EQ(to_json(q), to_json(p));
  EXPECT_EQ(q.predicted, "no");
  EXPECT_EQ(q.sample, 7);
}

}  // namespace
}  // namespace dermis
