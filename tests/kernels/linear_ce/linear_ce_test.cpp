#include "kernels/linear_ce/linear_ce.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "core/random.h"
#include "tests/kernels/gradients.h"

namespace dermis {
namespace {

using testing::random_tensor;
using testing::TensorList;

struct Labels {
  std::vector<int32_t> ids;
  std::vector<float> weights;
};

Labels random_labels(int64_t rows, int64_t vocabulary) {
  Random random(7, RandomPurpose::selftest, static_cast<uint64_t>(rows));
  Labels labels;
  for (int64_t i = 0; i < rows; ++i) {
    labels.ids.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(vocabulary))));
    labels.weights.push_back(i % 5 == 3 ? 0.0F : static_cast<float>(random.uniform(0.5, 2)));
  }
  return labels;
}

// The definition, with the whole matrix of logits.
TensorList by_definition(const TensorList& in, const Labels& labels, const LinearCeOptions& options) {
  at::Tensor logits = at::matmul(in[0], in[1].t());
  if (options.final_softcap > 0) logits = options.final_softcap * at::tanh(logits / options.final_softcap);
  const at::Tensor picked = logits.log_softmax(-1).gather(1, at::tensor(labels.ids).to(at::kLong).unsqueeze(1));
  return {-(picked.squeeze(1) * at::tensor(labels.weights).to(logits.scalar_type())).sum() / options.divisor};
}

void expect_right(int64_t rows, int64_t width, int64_t vocabulary, const LinearCeOptions& options,
                  testing::ErrorRatios& ratios, double tolerance = 5e-6) {
  const Labels labels = random_labels(rows, vocabulary);
  SCOPED_TRACE("rows " + std::to_string(rows) + ", vocabulary " + std::to_string(vocabulary));
  const auto definition = [&](const TensorList& in) { return by_definition(in, labels, options); };
  testing::expect_matches_fp64(
      [&](const TensorList& in) {
        return TensorList{linear_cross_entropy(in[0], in[1], labels.ids, labels.weights, options)};
      },
      definition, {random_tensor({rows, width}, 1), random_tensor({vocabulary, width}, 2)}, tolerance,
      // Products of one or two columns take another path in the matrix library, with rounding of its own.
      vocabulary >= 100 ? testing::TensorFunction(definition) : nullptr, &ratios);
}

TEST(linear_ce, matches_the_definition_for_awkward_shapes) {
  testing::ErrorRatios ratios;
  for (const int64_t rows : {1, 3, 63, 64, 65, 113, 257, 729})
    for (const int64_t vocabulary : {1, 2, 17, 300}) expect_right(rows, 24, vocabulary, {.divisor = 7}, ratios);
}

TEST(linear_ce, matches_the_definition_with_a_softcap) {
  testing::ErrorRatios ratios;
  for (const int64_t rows : {5, 65, 129})
    for (const int64_t vocabulary : {5, 300, 1000})
      expect_right(rows, 24, vocabulary, {.divisor = 3, .final_softcap = 4}, ratios);
}

// Sums over 40,000 classes in fp32 carry more noise, here and in the plain implementation alike.
TEST(linear_ce, several_chunks_add_up) {
  testing::ErrorRatios ratios;
  expect_right(150, 8, 40000, {.divisor = 150}, ratios, 5e-5);
}

TEST(linear_ce, gradients_match_differences) {
  const Labels labels = random_labels(4, 5);
  for (const double softcap : {0.0, 3.0})
    testing::expect_gradients_by_differences(
        [&](const TensorList& in) {
          return TensorList{
              linear_cross_entropy(in[0], in[1], labels.ids, labels.weights, {.divisor = 2, .final_softcap = softcap})};
        },
        {random_tensor({4, 3}, 1), random_tensor({5, 3}, 2)});
}

// Two rows over two classes by hand: logits (ln 3, 0) and (0, 0) give -log p of log(4/3) and log 2.
TEST(linear_ce, weights_and_divisor_by_hand) {
  const at::Tensor x = at::tensor({std::log(3.0F), 0.0F}).reshape({2, 1}), w = at::tensor({1.0F, 0.0F}).reshape({2, 1});
  const std::vector<int32_t> ids{0, 1};
  const std::vector<float> weights{3, 0.5};
  const double expected = (3 * std::log(4.0 / 3) + 0.5 * std::log(2.0)) / 10;
  EXPECT_NEAR(linear_cross_entropy(x, w, ids, weights, {.divisor = 10}).item<float>(), expected, 1e-7);
}

TEST(linear_ce, only_the_wanted_gradient_is_made) {
  const Labels labels = random_labels(6, 9);
  at::Tensor x = random_tensor({6, 4}, 1).to(at::kFloat).set_requires_grad(true);
  const at::Tensor w = random_tensor({9, 4}, 2).to(at::kFloat);
  linear_cross_entropy(x, w, labels.ids, labels.weights).backward();
  EXPECT_TRUE(x.grad().defined());
  EXPECT_FALSE(w.grad().defined());
}

TEST(linear_ce, scaled_loss_scales_the_gradients) {
  const Labels labels = random_labels(6, 9);
  const auto gradient = [&](float factor) {
    at::Tensor w = random_tensor({9, 4}, 2).to(at::kFloat).set_requires_grad(true);
    (factor * linear_cross_entropy(random_tensor({6, 4}, 1).to(at::kFloat), w, labels.ids, labels.weights)).backward();
    return w.grad();
  };
  EXPECT_TRUE(gradient(3).allclose(3 * gradient(1)));
}

TEST(linear_ce, no_rows_cost_nothing) {
  at::Tensor x = at::zeros({0, 4}).set_requires_grad(true), w = at::ones({9, 4}).set_requires_grad(true);
  const at::Tensor loss = linear_cross_entropy(x, w, {}, {});
  loss.backward();
  EXPECT_EQ(loss.item<float>(), 0);
  EXPECT_TRUE(w.grad().equal(at::zeros({9, 4})));
}

TEST(linear_ce, nan_reaches_the_loss_and_large_logits_do_not_overflow) {
  const std::vector<int32_t> ids{1};
  const std::vector<float> weights{1};
  at::Tensor w = at::ones({20, 4});
  EXPECT_NEAR(linear_cross_entropy(at::full({1, 4}, 1e6F), w, ids, weights).item<float>(), std::log(20.0), 1e-5);
  w[13][2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(std::isnan(linear_cross_entropy(at::ones({1, 4}), w, ids, weights).item<float>()));
}

TEST(linear_ce, same_bits_for_any_thread_count) {
  const Labels labels = random_labels(113, 300);
  testing::expect_same_for_any_thread_count(
      [&](const TensorList& in) { return TensorList{linear_cross_entropy(in[0], in[1], labels.ids, labels.weights)}; },
      {random_tensor({113, 48}, 1), random_tensor({300, 48}, 2)});
}

TEST(linear_ce, a_label_outside_the_vocabulary_is_named) {
  const std::vector<int32_t> ids{0, 9};
  const std::vector<float> weights{1, 1};
  try {
    linear_cross_entropy(at::zeros({2, 4}), at::zeros({9, 4}), ids, weights);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.info().found.find("9 in row 1"), std::string::npos) << error.what();
  }
  EXPECT_THROW(linear_cross_entropy(at::zeros({3, 4}), at::zeros({9, 4}), ids, weights), Error);
}

}  // namespace
}  // namespace dermis
