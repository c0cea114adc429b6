#include "train/loop/step.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "tests/train/tiny.h"
#include "train/objective.h"

namespace dermis {
namespace {

using testing::tiny_batch;
using testing::tiny_config;

std::vector<at::Tensor> values_of(const Vlm& model) {
  std::vector<at::Tensor> values;
  for (const Parameter& parameter : model.parameters()) values.push_back(parameter.tensor.detach().clone());
  return values;
}

TEST(Step, MicroBatchesGiveTheLossAndGradientOfOneBatch) {
  const VlmConfig config = tiny_config();
  Vlm whole(config, 3);
  Vlm parts(config, 3);
  Optimizer whole_optimizer(whole, {});
  Optimizer parts_optimizer(parts, {});
  const StepResult one =
      train_step({.model = whole, .optimizer = whole_optimizer}, {tiny_batch(config, 1, 0, 6)}, 1, 1e-2);
  const StepResult three =
      train_step({.model = parts, .optimizer = parts_optimizer},
                 {tiny_batch(config, 1, 0, 1), tiny_batch(config, 1, 1, 3), tiny_batch(config, 1, 4, 2)}, 1, 1e-2);
  EXPECT_NEAR(one.loss, three.loss, 1e-5);
  EXPECT_NEAR(one.gradient_norm, three.gradient_norm, 1e-5 * one.gradient_norm);
  EXPECT_EQ(one.target_tokens, three.target_tokens);
  // AdamW's first update is lr * sign(g) where |g| >> eps: compare moments, which are linear in the gradient.
  const auto whole_moments = whole_optimizer.state();
  const auto parts_moments = parts_optimizer.state();
  for (size_t i = 0; i < whole_moments.size(); ++i) {
    EXPECT_TRUE(at::allclose(whole_moments[i].second, parts_moments[i].second, 1e-4, 1e-7)) << whole_moments[i].first;
  }
}

// Initial logits are about unit normal: the mean of log(sum of 64 e^x) is then log(64) + 1/2.
TEST(Step, LossOfRandomWeightsIsThatOfGuessing) {
  const VlmConfig config = tiny_config();
  const Vlm model(config, 3);
  const Batch batch = tiny_batch(config, 1, 0, 8);
  const double loss = batch_loss(model, batch, batch.target_tokens()).item<double>();
  EXPECT_NEAR(loss, std::log(64.0) + 0.5, 0.3);
}

TEST(Step, OverfitsEightSamples) {
  const VlmConfig config = tiny_config();
  Vlm model(config, 3);
  Optimizer optimizer(model, {});
  const std::vector<Batch> batches{tiny_batch(config, 1, 0, 8)};
  double loss = 0;
  for (int step = 1; step <= 150; ++step) {
    loss = train_step({.model = model, .optimizer = optimizer, .clip_norm = 1.0}, batches, step, 1e-2).loss;
  }
  EXPECT_LT(loss, 0.05);
}

TEST(Step, FrozenPartsKeepTheirWeights) {
  const VlmConfig config = tiny_config();
  Vlm model(config, 3);
  OptimizerOptions options;
  options.parts[static_cast<size_t>(Part::vision)].trainable = false;
  Optimizer optimizer(model, options);
  const auto before = values_of(model);
  train_step({.model = model, .optimizer = optimizer}, {tiny_batch(config, 1, 0, 2)}, 1, 1e-2);
  const auto parameters = model.parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    EXPECT_EQ(at::equal(before[i], parameters[i].tensor), parameters[i].part == Part::vision) << parameters[i].name;
  }
}

TEST(Step, ClippingScalesTheGradientToTheNorm) {
  const VlmConfig config = tiny_config();
  Vlm model(config, 3);
  Optimizer optimizer(model, {.beta1 = 0.0});
  const StepResult result =
      train_step({.model = model, .optimizer = optimizer, .clip_norm = 0.01}, {tiny_batch(config, 1, 0, 2)}, 1, 1e-3);
  ASSERT_GT(result.gradient_norm, 0.01);
  double square = 0;  // with beta1 = 0 the first moment is the clipped gradient
  for (const auto& [name, tensor] : optimizer.state()) {
    if (name.starts_with("first_moment/")) square += tensor.to(at::kDouble).square().sum().item<double>();
  }
  EXPECT_NEAR(std::sqrt(square), 0.01, 1e-7);
}

TEST(Step, ANotFiniteStepStopsBeforeTheWeightsChange) {
  const VlmConfig config = tiny_config();
  Vlm model(config, 3);
  Optimizer optimizer(model, {});
  DivergenceGuard guard({});
  {
    const at::NoGradGuard no_grad;
    at::Tensor first = model.parameters().front().tensor;
    first.view(-1)[0] = std::nan("");
  }
  const auto before = values_of(model);
  try {
    train_step({.model = model, .optimizer = optimizer, .guard = &guard}, {tiny_batch(config, 1, 4, 2)}, 9, 1e-2);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("step 9, samples tiny/4, tiny/5"));
  }
  const auto after = values_of(model);
  for (size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(at::allclose(before[i], after[i], 0, 0, /*equal_nan=*/true));
}

TEST(Step, ABatchWithoutTargetsIsAnError) {
  const VlmConfig config = tiny_config();
  Vlm model(config, 3);
  Optimizer optimizer(model, {});
  Batch batch = tiny_batch(config, 1, 0, 1);
  for (float& weight : batch.label_weights) weight = 0;
  EXPECT_THROW(train_step({.model = model, .optimizer = optimizer}, {batch}, 1, 1e-2), Error);
}

}  // namespace
}  // namespace dermis
