#include "infer/eval/answer_correction.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/random.h"

namespace dermis {
namespace {

const std::vector<std::string> kClasses{"melanoma", "nevus", "keratosis"};

// Questions whose scores are right but for a lean: `lean` was added to the log probability of each class. Class k comes
// counts[k] times.
std::vector<Prediction> leaning(const std::vector<double>& lean, const std::vector<int>& counts, uint64_t seed,
                                double scale = 1) {
  std::vector<Prediction> predictions;
  Random random(seed, RandomPurpose::selftest);
  for (size_t truth = 0; truth < kClasses.size(); ++truth) {
    for (int i = 0; i < counts[truth]; ++i) {
      Prediction p;
      p.question_type = "diagnosis_closed";
      p.expected = kClasses[truth];
      p.options = kClasses;
      // Scores of a classifier with unit normal evidence: a log odds of 1 + noise for the right class.
      double sum = 0;
      for (size_t k = 0; k < kClasses.size(); ++k) {
        const double score = (k == truth ? 1.0 : 0.0) + random.normal();
        p.probabilities.push_back(std::exp(scale * score + lean[k]));
        sum += p.probabilities.back();
      }
      for (double& probability : p.probabilities) probability /= sum;
      predictions.push_back(p);
    }
  }
  return predictions;
}

double balanced_accuracy(const std::vector<Prediction>& predictions, const AnswerCorrection& correction) {
  std::map<std::string, std::pair<double, double>> right;
  for (const Prediction& p : predictions) {
    std::vector<double> scores;
    for (const double probability : p.probabilities) scores.push_back(std::log(probability));
    const auto found = correction.find(p.question_type);
    if (found != correction.end()) scores = found->second.corrected(p.options, scores);
    const auto best = static_cast<size_t>(std::max_element(scores.begin(), scores.end()) - scores.begin());
    right[p.expected].first += p.options[best] == p.expected ? 1 : 0;
    right[p.expected].second += 1;
  }
  double sum = 0;
  for (const auto& [name, counts] : right) sum += counts.first / counts.second;
  return sum / static_cast<double>(right.size());
}

TEST(AnswerCorrection, FindsAKnownLean) {
  const auto correction = fit_answer_correction(leaning({-1.0, 0.0, 1.0}, {4000, 4000, 4000}, 1));
  const OptionCorrection& one = correction.at("diagnosis_closed");
  EXPECT_EQ(one.questions, 12000);
  // Evidence of unit variance is worth its own size in log odds, so the scale stays near 1 and the offsets undo the
  // lean; the penalty holds both back by up to a quarter.
  EXPECT_NEAR(one.scale, 1.0, 0.15);
  EXPECT_NEAR(one.offsets.at("melanoma") - one.offsets.at("nevus"), 1.0, 0.3);
  EXPECT_NEAR(one.offsets.at("nevus") - one.offsets.at("keratosis"), 1.0, 0.3);
}

TEST(AnswerCorrection, HelpsOnQuestionsItHasNotSeen) {
  const auto correction = fit_answer_correction(leaning({0.0, 0.0, 1.5}, {30, 78, 42}, 2));  // as ISIC's validation
  const auto others = leaning({0.0, 0.0, 1.5}, {117, 393, 90}, 3);
  EXPECT_GT(balanced_accuracy(others, correction), balanced_accuracy(others, {}) + 0.05);
}

TEST(AnswerCorrection, LeavesAModelWithoutALeanAboutAsItIs) {
  const auto correction = fit_answer_correction(leaning({0, 0, 0}, {2000, 2000, 2000}, 4));
  for (const auto& [option, offset] : correction.at("diagnosis_closed").offsets) EXPECT_NEAR(offset, 0, 0.1) << option;
}

TEST(AnswerCorrection, TempersAnOverconfidentModel) {
  EXPECT_NEAR(fit_answer_correction(leaning({0, 0, 0}, {3000, 3000, 3000}, 5, 4.0)).at("diagnosis_closed").scale, 0.25,
              0.05);
}

TEST(AnswerCorrection, IsFittedByTypeAndSkipsWhatTellsNothing) {
  std::vector<Prediction> predictions = leaning({0, 0, 1}, {20, 20, 20}, 6);
  Prediction open;
  open.question_type = "overview";
  open.predicted = "a brown lesion";
  predictions.push_back(open);
  Prediction single = predictions.front();
  single.question_type = "always the same";
  predictions.push_back(single);
  const auto correction = fit_answer_correction(predictions);
  EXPECT_EQ(correction.size(), 1U);
  EXPECT_TRUE(correction.contains("diagnosis_closed"));
  // An option that validation never offered keeps its scaled score.
  const OptionCorrection& one = correction.at("diagnosis_closed");
  EXPECT_DOUBLE_EQ(one.corrected({"wart"}, {-2.0})[0], -2.0 * one.scale);
}

TEST(AnswerCorrection, FewQuestionsOfAClassMoveNoAnswer) {
  const auto correction = fit_answer_correction(leaning({0, 0, 1.5}, {30, 30, kLeastQuestions - 1}, 8, 3.0));
  const OptionCorrection& one = correction.at("diagnosis_closed");
  EXPECT_TRUE(one.offsets.empty());
  EXPECT_LT(one.scale, 0.7);  // that it is too sure of itself shows all the same
  EXPECT_GT(one.scale, 0.0);
}

TEST(AnswerCorrection, ImpossibleOptionsStayFinite) {
  std::vector<Prediction> predictions = leaning({0, 0, 0}, {15, 15, 15}, 7);
  for (Prediction& p : predictions) p.probabilities = {1.0, 0.0, 0.0};
  const auto correction = fit_answer_correction(predictions);
  for (const auto& [option, offset] : correction.at("diagnosis_closed").offsets) EXPECT_TRUE(std::isfinite(offset));
}

}  // namespace
}  // namespace dermis
