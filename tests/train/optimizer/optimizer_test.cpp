#include "train/optimizer/optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "tests/train/tiny.h"
#include "train/optimizer/ema.h"

namespace dermis {
namespace {

void give_gradients(const Vlm& model, double value) {
  for (const Parameter& parameter : model.parameters()) {
    if (parameter.tensor.requires_grad()) parameter.tensor.mutable_grad() = at::full_like(parameter.tensor, value);
  }
}

Parameter first_of(const Vlm& model, Part part, bool matrix) {
  for (const Parameter& parameter : model.parameters()) {
    if (parameter.part == part && (parameter.tensor.dim() > 1) == matrix) return parameter;
  }
  throw std::runtime_error("no such parameter");
}

double change(const Vlm& model, Optimizer& optimizer, Part part, bool matrix, double gradient) {
  const Parameter parameter = first_of(model, part, matrix);
  const at::Tensor before = parameter.tensor.detach().clone();
  give_gradients(model, gradient);
  optimizer.step(0.01, 1.0);
  return (parameter.tensor.detach() - before).abs().max().item<double>();
}

// The first update of Adam is lr * g / (|g| + eps): the learning rate itself.
TEST(Optimizer, EachPartHasItsLearningRate) {
  OptimizerOptions options;
  options.parts[static_cast<size_t>(Part::vision)].lr_scale = 0.1;
  Vlm vision(testing::tiny_config(), 1);
  Optimizer of_vision(vision, options);
  EXPECT_NEAR(change(vision, of_vision, Part::vision, true, 1.0), 0.001, 1e-7);
  Vlm language(testing::tiny_config(), 1);
  Optimizer of_language(language, options);
  EXPECT_NEAR(change(language, of_language, Part::language, true, 1.0), 0.01, 1e-7);
}

// Without a gradient only decay moves a weight: by lr * decay * |w|.
TEST(Optimizer, DecaysMatricesButNoNormsAndBiases) {
  Vlm model(testing::tiny_config(), 1);
  Optimizer optimizer(model, {.weight_decay = 0.5});
  const double largest = first_of(model, Part::language, true).tensor.abs().max().item<double>();
  EXPECT_NEAR(change(model, optimizer, Part::language, true, 0.0), 0.01 * 0.5 * largest,
              1e-7);  // a unit in the last place of the weight
  give_gradients(model, 0.0);
  for (const Parameter& parameter : model.parameters()) {
    if (parameter.tensor.dim() != 1) continue;
    const at::NoGradGuard no_grad;
    at::Tensor tensor = parameter.tensor;
    tensor.fill_(2.0);
  }
  EXPECT_EQ(change(model, optimizer, Part::vision, false, 0.0), 0.0);
}

TEST(Optimizer, ReleasesGradientsAndCountsSteps) {
  Vlm model(testing::tiny_config(), 1);
  Optimizer optimizer(model, {});
  give_gradients(model, 1.0);
  EXPECT_NEAR(optimizer.gradient_norm(), std::sqrt(static_cast<double>(optimizer.trainable_parameters())), 1e-6);
  optimizer.step(0.01, 1.0);
  EXPECT_EQ(optimizer.steps(), 1);
  EXPECT_EQ(optimizer.gradient_norm(), 0.0);
}

TEST(Optimizer, RefusesToTrainNothing) {
  Vlm model(testing::tiny_config(), 1);
  OptimizerOptions options;
  for (PartOptions& part : options.parts) part.trainable = false;
  EXPECT_THROW(Optimizer(model, options), Error);
}

// A step of a hundredth of a unit in the last place moves a hundredth of the weights by one unit; rounding to nearest
// would move none. The average holds fp32, so a share of such a step is not lost either.
TEST(Optimizer, WeightsInBf16FollowSmallSteps) {
  Vlm model(testing::tiny_config(), 1, {.weights = at::kBFloat16});
  Optimizer optimizer(model, {});
  WeightAverage average(model, 0.5);
  at::Tensor weight = first_of(model, Part::language, true).tensor;
  {
    const at::NoGradGuard no_grad;
    weight.fill_(1.0);
  }
  const double step = 0x1p-7 / 100;
  for (int i = 0; i < 40; ++i) {
    give_gradients(model, -1.0);
    optimizer.step(step, 1.0);
  }
  average.update();
  const double moved = weight.detach().to(at::kDouble).mean().item<double>() - 1;
  const double deviation = 0x1p-7 * std::sqrt(0.4 / static_cast<double>(weight.numel()));
  EXPECT_NEAR(moved, 40 * step, 5 * deviation);
  EXPECT_EQ(average.state().front().second.scalar_type(), at::kFloat);
  EXPECT_EQ(optimizer.state().front().second.scalar_type(), at::kFloat);
}

TEST(WeightAverage, FollowsTheWeightsAndSwapsThemIn) {
  Vlm model(testing::tiny_config(), 1);
  WeightAverage average(model, 0.9);
  at::Tensor weight = first_of(model, Part::language, true).tensor;
  const at::NoGradGuard no_grad;
  const double start = weight.view(-1)[0].item<double>();
  weight.fill_(1.0);
  average.update();  // decay min(0.9, 1 / 10)
  average.update();  // decay min(0.9, 2 / 11)
  const double expected = 1.0 - 0.1 * (2.0 / 11.0) * (1.0 - start);
  {
    const AveragedWeights scope(&average);
    EXPECT_NEAR(weight.view(-1)[0].item<double>(), expected, 1e-6);
  }
  EXPECT_EQ(weight.view(-1)[0].item<double>(), 1.0);
}

}  // namespace
}  // namespace dermis
