#include "kernels/layer_norm/layer_norm.h"

#include <gtest/gtest.h>

#include <limits>

#include "core/error.h"
#include "tests/kernels/gradients.h"

namespace dermis {
namespace {

using testing::random_tensor;
using testing::TensorList;

constexpr double kEps = 1e-6;

at::Tensor by_formula(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
  const at::Tensor centred = x - x.mean(-1, true);
  return centred / at::sqrt((centred * centred).mean(-1, true) + kEps) * w + b;
}
TensorList formula(const TensorList& in) { return {by_formula(in[0], in[1], in[2])}; }
TensorList formula_with_residual(const TensorList& in) {
  return {in[0] + in[1], by_formula(in[0] + in[1], in[2], in[3])};
}
TensorList op(const TensorList& in) { return {layer_norm(in[0], in[1], in[2], kEps)}; }
TensorList op_with_residual(const TensorList& in) {
  auto [sum, y] = add_layer_norm(in[0], in[1], in[2], in[3], kEps);
  return {sum, y};
}

TEST(layer_norm, matches_fp64_for_awkward_rows_and_widths) {
  testing::ErrorRatios ratios;
  for (const int64_t rows : {1, 3, 63, 64, 65, 113, 257, 729})
    for (const int64_t width : {2, 15, 17, 128})
      // A row of two entries is +1, -1 whatever they are: its gradient is what cancellation leaves.
      testing::expect_matches_fp64(
          op, formula, {random_tensor({rows, width}, 1), random_tensor({width}, 2), random_tensor({width}, 3)},
          width == 2 ? 1e-1 : 2e-5, width == 2 ? nullptr : formula, &ratios);
}

TEST(layer_norm, with_residual_matches_fp64) {
  testing::ErrorRatios ratios;
  for (const int64_t rows : {1, 65, 257})
    testing::expect_matches_fp64(op_with_residual, formula_with_residual,
                                 {random_tensor({rows, 128}, 1), random_tensor({rows, 128}, 3), random_tensor({128}, 2),
                                  random_tensor({128}, 4)},
                                 1e-5, formula_with_residual, &ratios);
}

TEST(layer_norm, gradients_match_differences) {
  testing::expect_gradients_by_differences(op,
                                           {random_tensor({2, 5}, 1), random_tensor({5}, 2), random_tensor({5}, 3)});
  testing::expect_gradients_by_differences(op_with_residual, {random_tensor({2, 3}, 1), random_tensor({2, 3}, 2),
                                                              random_tensor({3}, 3), random_tensor({3}, 4)});
}

TEST(layer_norm, rows_far_from_zero_keep_their_digits) {
  const at::Tensor x = random_tensor({3, 64}, 1).to(at::kFloat) + 4096.0F;
  const at::Tensor w = at::ones({64}), b = at::zeros({64});
  const at::Tensor expected = by_formula(x.to(at::kDouble), w.to(at::kDouble), b.to(at::kDouble));
  EXPECT_LT(testing::relative_error(layer_norm(x, w, b, kEps), expected), 2e-4);
}

TEST(layer_norm, empty_and_nan) {
  EXPECT_EQ(layer_norm(at::zeros({0, 8}), at::ones({8}), at::zeros({8}), kEps).numel(), 0);
  at::Tensor x = random_tensor({3, 20}, 1).to(at::kFloat);
  x[1][0] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor y = layer_norm(x, at::ones({20}), at::zeros({20}), kEps);
  EXPECT_TRUE(y[1].isnan().all().item<bool>());
  EXPECT_FALSE(y[0].isnan().any().item<bool>() || y[2].isnan().any().item<bool>());
}

TEST(layer_norm, transposed_input_is_taken_by_its_strides) {
  const auto transposed = [](const TensorList& in) { return TensorList{layer_norm(in[0].t(), in[1], in[2], kEps)}; };
  const auto expected = [](const TensorList& in) { return TensorList{by_formula(in[0].t(), in[1], in[2])}; };
  testing::expect_matches_fp64(transposed, expected,
                               {random_tensor({24, 9}, 1), random_tensor({24}, 2), random_tensor({24}, 3)}, 1e-5);
}

TEST(layer_norm, same_bits_for_any_thread_count) {
  testing::expect_same_for_any_thread_count(
      op_with_residual,
      {random_tensor({729, 128}, 1), random_tensor({729, 128}, 2), random_tensor({128}, 3), random_tensor({128}, 4)});
}

TEST(layer_norm, wrong_bias_is_named) {
  try {
    layer_norm(at::zeros({2, 8}), at::zeros({8}), at::zeros({1}), kEps);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.info().what.find("bias"), std::string::npos);
  }
}

}  // namespace
}  // namespace dermis
