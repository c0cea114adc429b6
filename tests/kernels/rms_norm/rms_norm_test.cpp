#include "kernels/rms_norm/rms_norm.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/error.h"
#include "tests/kernels/gradients.h"

namespace dermis {
namespace {

using testing::random_tensor;
using testing::TensorList;

constexpr double kEps = 1e-6;

// The formula of arXiv 1910.07467 with Gemma's 1 + w, from elementwise operators.
at::Tensor by_formula(const at::Tensor& x, const at::Tensor& w, double offset) {
  return x / at::sqrt((x * x).mean(-1, true) + kEps) * (w + offset);
}
TensorList formula(const TensorList& in) { return {by_formula(in[0], in[1], 1)}; }
TensorList formula_with_residual(const TensorList& in) { return {in[0] + in[1], by_formula(in[0] + in[1], in[2], 1)}; }
TensorList op(const TensorList& in) { return {rms_norm(in[0], in[1], kEps)}; }
TensorList op_with_residual(const TensorList& in) {
  auto [sum, y] = add_rms_norm(in[0], in[1], in[2], kEps);
  return {sum, y};
}

TEST(rms_norm, matches_fp64_for_awkward_rows_and_widths) {
  testing::ErrorRatios ratios;
  for (const int64_t rows : {1, 3, 63, 64, 65, 113, 257, 729})
    for (const int64_t width : {3, 15, 17, 192})
      testing::expect_matches_fp64(op, formula, {random_tensor({rows, width}, 1), random_tensor({width}, 2)}, 1e-5,
                                   formula, &ratios);
}

TEST(rms_norm, with_residual_matches_fp64) {
  testing::ErrorRatios ratios;
  for (const int64_t rows : {1, 65, 257})
    for (const int64_t width : {7, 192})
      testing::expect_matches_fp64(
          op_with_residual, formula_with_residual,
          {random_tensor({rows, width}, 1), random_tensor({rows, width}, 3), random_tensor({width}, 2)}, 5e-6,
          formula_with_residual, &ratios);
}

TEST(rms_norm, gradients_match_differences) {
  testing::expect_gradients_by_differences(op, {random_tensor({2, 5}, 1), random_tensor({5}, 2)});
  testing::expect_gradients_by_differences(op_with_residual,
                                           {random_tensor({2, 3}, 1), random_tensor({2, 3}, 2), random_tensor({3}, 3)});
}

TEST(rms_norm, takes_more_dimensions_and_strided_rows) {
  const at::Tensor wide = random_tensor({5, 2, 40}, 4), w = random_tensor({16}, 5);
  const auto strided = [](const TensorList& in) { return TensorList{rms_norm(in[0].narrow(2, 3, 16), in[1], kEps)}; };
  const auto expected = [](const TensorList& in) { return TensorList{by_formula(in[0].narrow(2, 3, 16), in[1], 1)}; };
  testing::expect_matches_fp64(strided, expected, {wide, w});
}

TEST(rms_norm, weight_offset_zero_is_llama) {
  const at::Tensor x = random_tensor({4, 33}, 6), w = random_tensor({33}, 7);
  EXPECT_LT(testing::relative_error(rms_norm(x.to(at::kFloat), w.to(at::kFloat), kEps, 0), by_formula(x, w, 0)), 2e-6);
}

TEST(rms_norm, empty_input_gives_empty_output_and_zero_weight_gradient) {
  const auto outcome = testing::run_with_gradients(op, {random_tensor({0, 8}, 1), random_tensor({8}, 2)},
                                                   {random_tensor({0, 8}, 3)}, at::kFloat);
  EXPECT_EQ(outcome.outputs[0].sizes(), (at::IntArrayRef{0, 8}));
  EXPECT_EQ(outcome.gradients[1].abs().sum().item<float>(), 0);
}

TEST(rms_norm, an_unused_output_leaves_the_other_gradient_right) {
  const at::Tensor x = random_tensor({4, 20}, 1), r = random_tensor({4, 20}, 2), w = random_tensor({20}, 3);
  for (const int used : {0, 1}) {
    const auto one = [&](const TensorList& in) { return TensorList{op_with_residual(in)[used]}; };
    const auto reference = [&](const TensorList& in) {
      return TensorList{formula_with_residual(in)[used] + 0 * in[2].sum()};
    };
    if (used == 1) testing::expect_matches_fp64(one, reference, {x, r, w});
  }
  at::Tensor leaf = x.to(at::kFloat).set_requires_grad(true);
  add_rms_norm(leaf, r.to(at::kFloat), w.to(at::kFloat), kEps).first.sum().backward();
  EXPECT_TRUE(leaf.grad().equal(at::ones({4, 20})));
}

TEST(rms_norm, nan_stays_in_its_row) {
  at::Tensor x = random_tensor({3, 20}, 1).to(at::kFloat);
  x[1][19] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor y = rms_norm(x, at::zeros({20}), kEps);
  EXPECT_TRUE(y[1].isnan().all().item<bool>());
  EXPECT_FALSE(y[0].isnan().any().item<bool>() || y[2].isnan().any().item<bool>());
}

TEST(rms_norm, same_bits_for_any_thread_count) {
  testing::expect_same_for_any_thread_count(
      op_with_residual, {random_tensor({729, 192}, 1), random_tensor({729, 192}, 2), random_tensor({192}, 3)});
}

TEST(rms_norm, wrong_weight_is_named) {
  try {
    rms_norm(at::zeros({2, 8}), at::zeros({7}), kEps);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.info().what.find("weight"), std::string::npos);
    EXPECT_NE(error.info().found.find("[7]"), std::string::npos);
  }
}

}  // namespace
}  // namespace dermis
