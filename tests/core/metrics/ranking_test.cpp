#include "core/metrics/ranking.h"

#include <gtest/gtest.h>

#include "core/random.h"

namespace dermis {
namespace {

double by_pairs(const std::vector<double>& scores, const std::vector<bool>& positive) {
  double wins = 0;
  double pairs = 0;
  for (size_t i = 0; i < scores.size(); ++i) {
    for (size_t j = 0; j < scores.size(); ++j) {
      if (!positive[i] || positive[j]) continue;
      pairs += 1;
      wins += scores[i] > scores[j] ? 1 : scores[i] == scores[j] ? 0.5 : 0;
    }
  }
  return wins / pairs;
}

TEST(Auroc, HandWorked) {
  const std::vector<double> scores{0.1, 0.4, 0.35, 0.8};
  EXPECT_DOUBLE_EQ(*auroc(scores, {false, false, true, true}), 0.75);
  EXPECT_DOUBLE_EQ(*auroc(scores, {true, true, false, false}), 0.25);
  const std::vector<double> equal{0.5, 0.5, 0.5};
  EXPECT_DOUBLE_EQ(*auroc(equal, {true, false, false}), 0.5);
  EXPECT_FALSE(auroc(scores, {true, true, true, true}).has_value());
  EXPECT_FALSE(auroc({}, {}).has_value());
}

TEST(Auroc, EqualsTheCountOverPairsWithManyTies) {
  Random random(3, RandomPurpose::selftest);
  for (int round = 0; round < 20; ++round) {
    std::vector<double> scores;
    std::vector<bool> positive;
    for (int i = 0; i < 57; ++i) {
      positive.push_back(random.chance(0.3));
      scores.push_back(static_cast<double>(random.below(6)));
    }
    EXPECT_NEAR(*auroc(scores, positive), by_pairs(scores, positive), 1e-12);
  }
}

TEST(Auroc, OneAgainstTheRest) {
  const std::vector<double> probabilities{0.7, 0.2, 0.1,  //
                                          0.3, 0.6, 0.1,  //
                                          0.5, 0.4, 0.1,  //
                                          0.2, 0.5, 0.3};
  const std::vector<int> truth{0, 1, 0, 0};
  const MultiClassAuroc result = one_vs_rest_auroc(probabilities, truth, 3);
  EXPECT_DOUBLE_EQ(*result.per_class[0], 2.0 / 3);  // 0.7, 0.5 above 0.3; 0.2 below
  EXPECT_DOUBLE_EQ(*result.per_class[1], 1.0);
  EXPECT_FALSE(result.per_class[2].has_value());
  EXPECT_DOUBLE_EQ(*result.macro, 2.5 / 3);
}

}  // namespace
}  // namespace dermis
