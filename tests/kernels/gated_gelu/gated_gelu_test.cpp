#include "kernels/gated_gelu/gated_gelu.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/error.h"
#include "tests/kernels/gradients.h"

namespace dermis {
namespace {

using testing::random_tensor;
using testing::TensorList;

at::Tensor by_formula(const at::Tensor& x) {
  return 0.5 * x * (1 + at::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
}
TensorList formula(const TensorList& in) { return {by_formula(in[0])}; }
TensorList gated_formula(const TensorList& in) {
  const int64_t width = in[0].size(1) / 2;
  return {by_formula(in[0].narrow(1, 0, width)) * in[0].narrow(1, width, width)};
}
TensorList silu_formula(const TensorList& in) {
  const int64_t width = in[0].size(1) / 2;
  const at::Tensor x = in[0].narrow(1, 0, width);
  return {x / (1 + at::exp(-x)) * in[0].narrow(1, width, width)};
}
TensorList op(const TensorList& in) { return {gelu_tanh(in[0])}; }
TensorList gated_op(const TensorList& in) { return {gated_gelu(in[0])}; }
TensorList silu_op(const TensorList& in) { return {gated_silu(in[0])}; }

TEST(gelu, matches_fp64_for_awkward_sizes) {
  testing::ErrorRatios ratios;
  for (const int64_t count : {1, 3, 15, 63, 64, 65, 113, 257, 729})
    testing::expect_matches_fp64(op, formula, {3 * random_tensor({count, 7}, 1)}, 1e-6, formula, &ratios);
}

TEST(gelu, gated_matches_fp64) {
  testing::ErrorRatios gelu, silu;
  for (const int64_t rows : {1, 3, 63, 64, 65, 113, 257, 729})
    for (const int64_t width : {1, 17, 64}) {
      const TensorList gate_up{2 * random_tensor({rows, 2 * width}, 1)};
      testing::expect_matches_fp64(gated_op, gated_formula, gate_up, 1e-6, gated_formula, &gelu);
      testing::expect_matches_fp64(silu_op, silu_formula, gate_up, 1e-6, silu_formula, &silu);
    }
}

// silu(1) = 1 / (1 + e^-1) = 0.731058578630, and its slope there 0.731058578630 + 0.196611933241.
TEST(gelu, silu_by_hand) {
  const at::Tensor x = at::tensor({1.0F, 2.0F}).reshape({1, 2}).set_requires_grad(true);
  const at::Tensor y = gated_silu(x);
  EXPECT_FLOAT_EQ(y.item<float>(), 2 * 0.731058578630F);
  y.backward();
  EXPECT_FLOAT_EQ(x.grad()[0][0].item<float>(), 2 * 0.927670511871F);
  EXPECT_FLOAT_EQ(x.grad()[0][1].item<float>(), 0.731058578630F);
}

TEST(gelu, gradients_match_differences) {
  testing::expect_gradients_by_differences(op, {random_tensor({11}, 1)});
  testing::expect_gradients_by_differences(gated_op, {random_tensor({2, 6}, 1)});
  testing::expect_gradients_by_differences(silu_op, {random_tensor({2, 6}, 1)});
}

TEST(gelu, far_from_zero_it_is_the_identity_or_nothing) {
  at::Tensor x = at::tensor({-1e4F, -60.0F, 0.0F, 60.0F, 1e4F, 1e12F}).set_requires_grad(true);
  const at::Tensor y = gelu_tanh(x);
  EXPECT_TRUE(y.detach().allclose(at::tensor({0.0F, 0.0F, 0.0F, 60.0F, 1e4F, 1e12F}), 0, 1e-30));
  y.sum().backward();
  EXPECT_TRUE(x.grad().allclose(at::tensor({0.0F, 0.0F, 0.5F, 1.0F, 1.0F, 1.0F}), 1e-6, 1e-25)) << x.grad();
}

TEST(gelu, silu_far_from_zero_too) {
  const at::Tensor gate = at::tensor({-1e38F, -1e4F, -60.0F, 0.0F, 60.0F, 1e4F, 1e38F}).unsqueeze(1);
  at::Tensor x = at::cat({gate, at::ones_like(gate)}, 1).set_requires_grad(true);
  const at::Tensor y = gated_silu(x);
  EXPECT_TRUE(y.detach().allclose(gate.clamp_min(0), 0, 1e-24)) << y;
  y.sum().backward();
  const at::Tensor slopes = at::tensor({0.0F, 0.0F, 0.0F, 0.5F, 1.0F, 1.0F, 1.0F});
  EXPECT_TRUE(x.grad().select(1, 0).allclose(slopes, 1e-6, 1e-24)) << x.grad();
}

TEST(gelu, infinity_stays_and_its_negative_is_nothing) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const at::Tensor x = at::tensor({-kInfinity, kInfinity, -1e38F}), ones = at::ones({3, 1});
  const at::Tensor silu = gated_silu(at::cat({x.unsqueeze(1), ones}, 1)).squeeze(1);
  for (const at::Tensor& y : {gelu_tanh(x), silu}) {
    EXPECT_NEAR(y[0].item<float>(), 0, 1e-35);
    EXPECT_EQ(y[1].item<float>(), kInfinity);
    EXPECT_NEAR(y[2].item<float>(), 0, 1e-35);
  }
}

TEST(gelu, nan_stays_where_it_is) {
  at::Tensor x = at::zeros({40});
  x[17] = std::numeric_limits<float>::quiet_NaN();
  const at::Tensor y = gelu_tanh(x);
  EXPECT_TRUE(std::isnan(y[17].item<float>()));
  EXPECT_EQ(y.isnan().sum().item<int64_t>(), 1);
  EXPECT_EQ(gated_silu(x.reshape({20, 2}).repeat({1, 3})).isnan().sum().item<int64_t>(), 3);
}

TEST(gelu, takes_strided_and_empty_inputs) {
  const auto strided = [](const TensorList& in) { return TensorList{gelu_tanh(in[0].t())}; };
  const auto expected = [](const TensorList& in) { return TensorList{by_formula(in[0].t())}; };
  testing::expect_matches_fp64(strided, expected, {random_tensor({9, 5}, 1)});
  for (const auto gated : {&gated_gelu, &gated_silu}) {
    EXPECT_EQ(gated(at::zeros({0, 8})).sizes(), (at::IntArrayRef{0, 4}));
    EXPECT_EQ(gated(at::zeros({3, 0})).sizes(), (at::IntArrayRef{3, 0}));
  }
  EXPECT_EQ(gelu_tanh(at::zeros({0})).numel(), 0);
}

TEST(gelu, same_bits_for_any_thread_count) {
  testing::expect_same_for_any_thread_count(op, {random_tensor({729, 129}, 1)});
  testing::expect_same_for_any_thread_count(gated_op, {random_tensor({729, 130}, 1)});
  testing::expect_same_for_any_thread_count(silu_op, {random_tensor({729, 130}, 1)});
}

TEST(gelu, an_odd_width_cannot_be_halved) {
  EXPECT_THROW(gated_gelu(at::zeros({2, 7})), Error);
  EXPECT_THROW(gated_silu(at::zeros({2, 7})), Error);
}

// bf16 on the CPU, where LibTorch's operators serve.
TEST(gelu, sixteen_bits_are_rounded_a_few_times_at_most) {
  const TensorList gate_up{random_tensor({30, 16}, 1).to(at::kBFloat16)};
  for (const auto& [run, reference] : {std::pair{&gated_op, &gated_formula}, std::pair{&silu_op, &silu_formula}}) {
    const at::Tensor found = run(gate_up)[0];
    EXPECT_EQ(found.scalar_type(), at::kBFloat16);
    EXPECT_LE(testing::relative_error(found, reference({gate_up[0].to(at::kDouble)})[0]), 0x1p-7);
  }
}

}  // namespace
}  // namespace dermis
