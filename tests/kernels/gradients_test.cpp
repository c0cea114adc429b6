#include "tests/kernels/gradients.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest-spi.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/random.h"

namespace dermis::testing {
namespace {

TensorList random_directions(const TensorFunction& op, const TensorList& inputs, at::ScalarType type) {
  const at::NoGradGuard no_grad;
  TensorList cast, directions;
  for (const at::Tensor& input : inputs) cast.push_back(input.to(type));
  for (const at::Tensor& output : op(cast))
    directions.push_back(random_tensor(output.sizes(), 1000 + directions.size()));
  return directions;
}

void expect_close(const at::Tensor& found, const at::Tensor& expected, const at::Tensor* plain, double tolerance,
                  const std::string& name, ErrorRatios* ratios) {
  ASSERT_TRUE(found.defined()) << name;
  ASSERT_EQ(found.sizes(), expected.sizes()) << name;
  EXPECT_LE(relative_error(found, expected), tolerance) << name;
  if (plain == nullptr) return;
  // Half a unit in the last place of the largest number: what one rounding of it may cost, whatever luck plain has.
  const double slack = 0x1p-25 * expected.abs().max().item<double>();
  if (ratios != nullptr) ratios->add(name, found, *plain, expected);
  EXPECT_LE(rms_error(found, expected), 1.5 * rms_error(*plain, expected) + slack) << name;
}

}  // namespace

at::Tensor random_tensor(at::IntArrayRef sizes, uint64_t seed) {
  at::Tensor tensor = at::empty(sizes, at::kDouble);
  Random random(seed, RandomPurpose::selftest);
  double* values = tensor.mutable_data_ptr<double>();
  for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = random.normal();
  return tensor;
}

Outcome run_with_gradients(const TensorFunction& op, const TensorList& inputs, const TensorList& directions,
                           at::ScalarType type) {
  TensorList leaves, grads;
  for (const at::Tensor& input : inputs) leaves.push_back(input.to(type).detach().set_requires_grad(true));
  Outcome outcome;
  outcome.outputs = op(leaves);
  for (size_t i = 0; i < outcome.outputs.size(); ++i)
    grads.push_back(directions[i].to(outcome.outputs[i].scalar_type()).reshape(outcome.outputs[i].sizes()));
  outcome.gradients = torch::autograd::grad(outcome.outputs, leaves, grads, /*retain_graph=*/false,
                                            /*create_graph=*/false, /*allow_unused=*/true);
  return outcome;
}

double relative_error(const at::Tensor& found, const at::Tensor& expected) {
  if (expected.numel() == 0) return 0;
  const double largest = std::max(expected.abs().max().item<double>(), 1e-30);
  return (found.to(at::kDouble) - expected).abs().max().item<double>() / largest;
}

double rms_error(const at::Tensor& found, const at::Tensor& expected) {
  return std::sqrt((found.to(at::kDouble) - expected).square().mean().item<double>());
}

ErrorRatios::ErrorRatios(double most_rms, double most_largest) : most_rms_(most_rms), most_largest_(most_largest) {}

ErrorRatios::~ErrorRatios() {
  EXPECT_FALSE(tensors_.empty()) << "nothing was compared";
  for (const auto& [tensor, errors] : tensors_) {
    EXPECT_LE(std::sqrt(errors.found.squares), most_rms_ * std::sqrt(errors.plain.squares)) << tensor << ", RMS";
    EXPECT_LE(errors.found.largest, most_largest_ * errors.plain.largest) << tensor << ", largest";
  }
}

void ErrorRatios::Errors::add(const at::Tensor& found, const at::Tensor& expected) {
  const at::Tensor error = (found.to(at::kDouble) - expected) / expected.square().mean().sqrt();
  squares += error.square().mean().item<double>();
  largest = std::max(largest, error.abs().max().item<double>());
}

void ErrorRatios::add(const std::string& tensor, const at::Tensor& found, const at::Tensor& plain,
                      const at::Tensor& expected) {
  constexpr double kLost = 0x1p-10;  // of plain's digits: it says nothing of what is possible
  const double size = expected.square().mean().sqrt().item<double>();
  if (size == 0 || rms_error(plain, expected) > kLost * size) return;
  Pair& errors = tensors_[tensor];
  errors.found.add(found, expected);
  errors.plain.add(plain, expected);
}

void expect_matches_fp64(const TensorFunction& op, const TensorFunction& reference, const TensorList& inputs,
                         double tolerance, const TensorFunction& plain, ErrorRatios* ratios) {
  TensorList rounded;  // both sides see the same fp32 numbers
  for (const at::Tensor& input : inputs) rounded.push_back(input.to(at::kFloat).to(at::kDouble));
  TensorList directions = random_directions(reference, rounded, at::kDouble);
  for (at::Tensor& direction : directions) direction = direction.to(at::kFloat).to(at::kDouble);
  const Outcome found = run_with_gradients(op, rounded, directions, at::kFloat);
  const Outcome expected = run_with_gradients(reference, rounded, directions, at::kDouble);
  Outcome simple;
  if (plain) simple = run_with_gradients(plain, rounded, directions, at::kFloat);
  ASSERT_EQ(found.outputs.size(), expected.outputs.size());
  for (size_t i = 0; i < expected.outputs.size(); ++i) {
    EXPECT_EQ(found.outputs[i].scalar_type(), at::kFloat);
    expect_close(found.outputs[i].detach(), expected.outputs[i].detach(), plain ? &simple.outputs[i] : nullptr,
                 tolerance, "output " + std::to_string(i), ratios);
  }
  for (size_t i = 0; i < expected.gradients.size(); ++i)
    expect_close(found.gradients[i], expected.gradients[i], plain ? &simple.gradients[i] : nullptr, 2 * tolerance,
                 "gradient of input " + std::to_string(i), ratios);
}

void expect_gradients_by_differences(const TensorFunction& op, const TensorList& inputs) {
  const TensorList directions = random_directions(op, inputs, at::kDouble);
  const Outcome outcome = run_with_gradients(op, inputs, directions, at::kDouble);
  const auto value = [&](const TensorList& at_inputs) {
    const at::NoGradGuard no_grad;
    const TensorList outputs = op(at_inputs);
    double total = 0;
    for (size_t i = 0; i < outputs.size(); ++i) total += (outputs[i] * directions[i]).sum().item<double>();
    return total;
  };
  constexpr double kStep = 1e-5;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const at::Tensor flat = outcome.gradients[i].contiguous().view(-1);
    for (int64_t j = 0; j < inputs[i].numel(); ++j) {
      TensorList moved = inputs;
      moved[i] = inputs[i].clone(at::MemoryFormat::Contiguous);
      double& entry = moved[i].mutable_data_ptr<double>()[j];
      const double before = entry;
      entry = before + kStep;
      const double above = value(moved);
      entry = before - kStep;
      const double below = value(moved);
      EXPECT_NEAR(flat[j].item<double>(), (above - below) / (2 * kStep), 1e-7 * std::max(1.0, std::abs(above)))
          << "input " << i << " entry " << j;
    }
  }
}

void expect_same_for_any_thread_count(const TensorFunction& op, const TensorList& inputs) {
  const TensorList directions = random_directions(op, inputs, at::kFloat);
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const Outcome one = run_with_gradients(op, inputs, directions, at::kFloat);
  at::set_num_threads(2);
  const Outcome two = run_with_gradients(op, inputs, directions, at::kFloat);
  at::set_num_threads(before);
  for (size_t i = 0; i < one.outputs.size(); ++i) EXPECT_TRUE(one.outputs[i].equal(two.outputs[i])) << "output " << i;
  for (size_t i = 0; i < one.gradients.size(); ++i)
    EXPECT_TRUE(one.gradients[i].equal(two.gradients[i])) << "gradient " << i;
}

namespace {

// The checks themselves: x^2 with its slope, and a wrong slope (that of x.detach() * x) which must not pass.
TEST(gradients, differences_accept_the_right_slope_and_refuse_a_wrong_one) {
  const TensorList x{random_tensor({3}, 1)};
  expect_gradients_by_differences([](const TensorList& in) { return TensorList{in[0] * in[0]}; }, x);
  EXPECT_NONFATAL_FAILURE(
      expect_gradients_by_differences([](const TensorList& in) { return TensorList{in[0].detach() * in[0]}; },
                                      {random_tensor({1}, 1)}),
      "input 0 entry 0");
}

// Errors of 1e-5 (plain), of 1.05e-5 and of 2e-5 of numbers that are all one.
void compare_with_plain(double error, double most_rms, double most_largest) {
  ErrorRatios ratios(most_rms, most_largest);
  const at::Tensor one = at::ones({9}, at::kDouble), sign = at::ones({9}, at::kDouble);
  sign[3] = -1;
  ratios.add("output 0", one + sign * error, one + sign * 1e-5, one);
}
TEST(gradients, ratios_refuse_an_operator_that_is_less_exact_than_plain) {
  compare_with_plain(1.05e-5, 1.1, 1.5);
  EXPECT_NONFATAL_FAILURE(compare_with_plain(2e-5, 1.1, 9), "output 0, RMS");
  EXPECT_NONFATAL_FAILURE(compare_with_plain(2e-5, 9, 1.5), "output 0, largest");
  EXPECT_NONFATAL_FAILURE(ErrorRatios(), "nothing was compared");
}

}  // namespace
}  // namespace dermis::testing
