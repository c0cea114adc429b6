#include "kernels/rope/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/error.h"
#include "tests/kernels/gradients.h"

namespace dermis {
namespace {

using testing::random_tensor;
using testing::TensorList;

std::vector<int32_t> packed_positions(int64_t count) {
  std::vector<int32_t> positions(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) positions[static_cast<size_t>(i)] = static_cast<int32_t>(1 + i % 41);
  return positions;
}

// Pairs (x_i, x_{i + D/2}) as complex numbers times e^{i angle}.
TensorList by_complex_numbers(const at::Tensor& x, const std::vector<int32_t>& positions, double base) {
  const int64_t half = x.size(2) / 2;
  const at::Tensor p = at::tensor(positions).to(at::kDouble);
  const at::Tensor f = at::pow(base, -2.0 * at::arange(half, at::kDouble) / (2.0 * static_cast<double>(half)));
  const at::Tensor angles = (p.unsqueeze(1) * f.unsqueeze(0)).unsqueeze(1).to(x.scalar_type());
  const at::Tensor turned =
      at::complex(x.narrow(2, 0, half), x.narrow(2, half, half)) * at::polar(at::ones_like(angles), angles);
  return {at::cat({at::real(turned), at::imag(turned)}, 2)};
}

// With the angles of the operator's own table.
TensorList plainly(const at::Tensor& x, const RopeTable& table) {
  const int64_t half = x.size(2) / 2;
  const at::Tensor x1 = x.narrow(2, 0, half), x2 = x.narrow(2, half, half);
  const at::Tensor c = table.cos_TD2.unsqueeze(1), s = table.sin_TD2.unsqueeze(1);
  return {at::cat({x1 * c - x2 * s, x2 * c + x1 * s}, 2)};
}

TEST(rope, matches_fp64_for_awkward_rows) {
  testing::ErrorRatios ratios;
  for (const int64_t rows : {1, 3, 63, 64, 65, 113, 257, 729})
    for (const int64_t head_size : {2, 6, 32, 50}) {
      const auto positions = packed_positions(rows);
      const RopeTable table = rope_table(positions, head_size, 10000);
      testing::expect_matches_fp64([&](const TensorList& in) { return TensorList{rope(in[0], table)}; },
                                   [&](const TensorList& in) { return by_complex_numbers(in[0], positions, 10000); },
                                   {random_tensor({rows, 3, head_size}, 1)}, 5e-7,
                                   [&](const TensorList& in) { return plainly(in[0], table); }, &ratios);
    }
}

TEST(rope, rotates_a_slice_of_a_joint_projection_in_place_of_a_copy) {
  const auto positions = packed_positions(65);
  const RopeTable table = rope_table(positions, 16, 10000);
  const auto slice = [](const at::Tensor& qkv) { return qkv.narrow(1, 32, 48).unflatten(1, {3, 16}); };
  testing::expect_matches_fp64([&](const TensorList& in) { return TensorList{rope(slice(in[0]), table)}; },
                               [&](const TensorList& in) { return by_complex_numbers(slice(in[0]), positions, 10000); },
                               {random_tensor({65, 96}, 1)}, 5e-7);
}

TEST(rope, gradients_match_differences) {
  const RopeTable table = rope_table(packed_positions(2), 4, 100);
  testing::expect_gradients_by_differences([&](const TensorList& in) { return TensorList{rope(in[0], table)}; },
                                           {random_tensor({2, 2, 4}, 1)});
}

TEST(rope, table_holds_the_cosines_and_sines_of_the_paper) {
  const std::vector<int32_t> positions{0, 7, 7, 1000000, 3};
  const RopeTable table = rope_table(positions, 4, 10000, 8);
  for (size_t t = 0; t < positions.size(); ++t)
    for (int i = 0; i < 2; ++i) {
      const double angle = positions[t] * std::pow(10000.0, -2.0 * i / 4) / 8;
      EXPECT_FLOAT_EQ(table.cos_TD2[static_cast<int64_t>(t)][i].item<float>(), static_cast<float>(std::cos(angle)));
      EXPECT_FLOAT_EQ(table.sin_TD2[static_cast<int64_t>(t)][i].item<float>(), static_cast<float>(std::sin(angle)));
    }
}

TEST(rope, products_depend_on_distances_only) {
  const at::Tensor q = random_tensor({1, 1, 32}, 1).to(at::kFloat), k = random_tensor({1, 1, 32}, 2).to(at::kFloat);
  const auto product = [&](int32_t a, int32_t b) {
    return (rope(q, rope_table(std::vector{a}, 32, 10000)) * rope(k, rope_table(std::vector{b}, 32, 10000)))
        .sum()
        .item<float>();
  };
  EXPECT_NEAR(product(5, 2), product(105, 102), 2e-4);
}

TEST(rope, same_bits_for_any_thread_count) {
  const RopeTable table = rope_table(packed_positions(729), 32, 10000);
  testing::expect_same_for_any_thread_count([&](const TensorList& in) { return TensorList{rope(in[0], table)}; },
                                            {random_tensor({729, 6, 32}, 1)});
}

TEST(rope, empty_and_wrong_inputs) {
  EXPECT_EQ(rope(at::zeros({0, 2, 8}), rope_table({}, 8, 10000)).numel(), 0);
  EXPECT_THROW(rope_table(packed_positions(3), 7, 10000), Error);
  EXPECT_THROW(rope(at::zeros({4, 2, 8}), rope_table(packed_positions(3), 8, 10000)), Error);
}

}  // namespace
}  // namespace dermis
