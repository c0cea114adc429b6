#include "kernels/adamw/adamw.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "tests/kernels/gradients.h"

namespace dermis {
namespace {

using testing::random_tensor;

struct Scalar {
  double p, m = 0, v = 0;
};

// Algorithm 2 of arXiv 1711.05101 for one number in fp64.
void step_by_hand(Scalar& s, double g, const AdamWSettings& a) {
  g *= a.gradient_scale;
  s.m = a.beta1 * s.m + (1 - a.beta1) * g;
  s.v = a.beta2 * s.v + (1 - a.beta2) * g * g;
  const double m_hat = s.m / (1 - std::pow(a.beta1, a.step)), v_hat = s.v / (1 - std::pow(a.beta2, a.step));
  s.p = s.p * (1 - a.lr * a.weight_decay) - a.lr * m_hat / (std::sqrt(v_hat) + a.eps);
}

void expect_follows_recurrence(int64_t count, at::ScalarType type, double tolerance) {
  AdamWSettings settings{
      .lr = 3e-3, .beta1 = 0.9, .beta2 = 0.95, .eps = 1e-6, .weight_decay = 0.1, .gradient_scale = 0.5};
  const at::Tensor start = random_tensor({count}, 1);
  AdamWTensor t{start.to(type).clone(), {}, at::zeros({count}, type), at::zeros({count}, type), settings};
  std::vector<Scalar> expected;
  for (int64_t i = 0; i < count; ++i) expected.push_back({t.parameter[i].item<double>()});
  for (int step = 1; step <= 7; ++step) {
    t.gradient = random_tensor({count}, static_cast<uint64_t>(step) + 5).to(type);
    t.settings.step = step;
    adamw_step(std::span(&t, 1));
    for (int64_t i = 0; i < count; ++i)
      step_by_hand(expected[static_cast<size_t>(i)], t.gradient[i].item<double>(), t.settings);
  }
  for (int64_t i = 0; i < count; ++i) {
    const Scalar& e = expected[static_cast<size_t>(i)];
    EXPECT_NEAR(t.parameter[i].item<double>(), e.p, tolerance) << i;
    EXPECT_NEAR(t.first_moment[i].item<double>(), e.m, tolerance) << i;
    EXPECT_NEAR(t.second_moment[i].item<double>(), e.v, tolerance) << i;
  }
}

TEST(adamw, follows_the_recurrence_of_the_paper) {
  for (const int64_t count : {1, 3, 16, 63, 64, 65, 113, 257}) expect_follows_recurrence(count, at::kFloat, 1e-6);
  expect_follows_recurrence(5, at::kDouble, 1e-14);
}

// p = 1, g = 0: torch.optim.AdamW multiplies by 1 - lr * weight_decay and the moments stay zero.
TEST(adamw, decay_is_decoupled_from_the_gradient) {
  AdamWTensor t{at::ones({4}), at::zeros({4}), at::zeros({4}), at::zeros({4}), {.lr = 0.1, .weight_decay = 0.5}};
  adamw_step(std::span(&t, 1));
  EXPECT_TRUE(t.parameter.equal(at::full({4}, 0.95F))) << t.parameter;
  EXPECT_EQ(t.first_moment.abs().sum().item<float>(), 0);
}

// Values printed by torch.optim.AdamW([1, -2, 3], lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1) after steps
// with gradients [0.1, -0.2, 0.3], [0.5, 0.5, -0.5], [-1, 0, 2].
TEST(adamw, agrees_with_torch_optim) {
  AdamWTensor t{at::tensor({1.0F, -2.0F, 3.0F}), {}, at::zeros({3}), at::zeros({3}), {.lr = 0.01, .weight_decay = 0.1}};
  const std::vector<at::Tensor> gradients{at::tensor({0.1F, -0.2F, 0.3F}), at::tensor({0.5F, 0.5F, -0.5F}),
                                          at::tensor({-1.0F, 0.0F, 2.0F})};
  for (size_t step = 0; step < gradients.size(); ++step) {
    t.gradient = gradients[step];
    t.settings.step = static_cast<int64_t>(step) + 1;
    adamw_step(std::span(&t, 1));
  }
  EXPECT_TRUE(t.parameter.allclose(at::tensor({0.98109061F, -1.99186218F, 2.97846341F}), 1e-6, 0)) << t.parameter;
}

AdamWTensor bf16_tensor(int64_t count, double value, double gradient, const AdamWSettings& settings) {
  return {at::full({count}, value, at::kBFloat16), at::full({count}, gradient, at::kBFloat16), at::zeros({count}),
          at::zeros({count}), settings};
}

// 1 decays to 1 - 2^-12, a sixteenth of the way to the next smaller bf16, 1 - 2^-8; the chance numbers are drawn here
// from the generator itself.
TEST(adamw, bf16_is_rounded_by_the_chance_numbers_of_its_stream) {
  constexpr int64_t kCount = 4003;
  const RandomStream stream = random_stream(11, RandomPurpose::rounding, 3, 4);
  AdamWTensor t = bf16_tensor(kCount, 1, 0, {.lr = 0x1p-12, .weight_decay = 1});
  t.rounding = stream;
  adamw_step(std::span(&t, 1));
  for (int64_t i = 0; i < kCount; ++i) {
    const auto words = philox({static_cast<uint32_t>(i / 8), 0, stream.start[0], stream.start[1]}, stream.key);
    const uint32_t chance = words[static_cast<size_t>(i % 8 / 2)] >> (16 * (i % 2)) & 0xffffU;
    const bool carries = 0xf000U + chance >= 0x10000U;  // the low half of 1 - 2^-12 is 0xf000
    ASSERT_EQ(t.parameter[i].item<double>(), carries ? 1 : 1 - 0x1p-8) << i;
  }
}

// Steps of an eightieth of a unit in the last place of 1.5.
TEST(adamw, small_steps_of_bf16_add_up_only_when_rounded_by_chance) {
  constexpr int64_t kCount = 4096;
  constexpr int kSteps = 60;
  AdamWTensor by_chance = bf16_tensor(kCount, 1.5, 1, {.lr = 1e-4}),
              to_nearest = bf16_tensor(kCount, 1.5, 1, {.lr = 1e-4});
  for (int step = 1; step <= kSteps; ++step) {
    by_chance.settings.step = to_nearest.settings.step = step;
    by_chance.rounding = random_stream(1, RandomPurpose::rounding, static_cast<uint64_t>(step));
    adamw_step(std::span(&by_chance, 1));
    adamw_step(std::span(&to_nearest, 1));
  }
  // The variance of a sum of roundings: 60 steps, each 1e-4 of the way through 2^-7.
  const double deviation = std::sqrt(kSteps * 1e-4 * 0x1p-7 / kCount);
  EXPECT_NEAR(by_chance.parameter.to(at::kDouble).mean().item<double>(), 1.5 - kSteps * 1e-4, 5 * deviation);
  EXPECT_TRUE(to_nearest.parameter.equal(at::full({kCount}, 1.5, at::kBFloat16)));
}

// Steps of an eightieth of a unit in the last place, as above: the master copy keeps them, and the weight follows it.
TEST(adamw, small_steps_add_up_in_a_master_copy) {
  constexpr int kSteps = 60;
  AdamWTensor t = bf16_tensor(100, 1.5, 1, {.lr = 1e-4});
  t.master = at::full({100}, 1.5F);
  Scalar expected{1.5};
  for (int step = 1; step <= kSteps; ++step) {
    t.settings.step = step;
    adamw_step(std::span(&t, 1));
    step_by_hand(expected, 1, t.settings);
  }
  EXPECT_NEAR(expected.p, 1.5 - kSteps * 1e-4, 1e-6);
  EXPECT_TRUE(at::allclose(t.master, at::full({100}, static_cast<float>(expected.p)), 1e-6, 0)) << t.master[0];
  EXPECT_TRUE(t.parameter.equal(at::full({100}, 1.5 - 0x1p-7, at::kBFloat16))) << t.parameter[0];  // 1.494 rounded
}

TEST(adamw, many_tensors_of_odd_sizes_in_one_call_equal_one_by_one_for_any_thread_count) {
  const auto make = [] {
    std::vector<AdamWTensor> list;
    for (const int64_t count : {1, 5000, 0, 17, 40000, 4096}) {
      const auto seed = static_cast<uint64_t>(count);
      AdamWSettings settings{.lr = 1e-2 / static_cast<double>(count + 1), .weight_decay = 0.01, .step = 3};
      list.push_back({random_tensor({count}, seed).to(at::kFloat), random_tensor({count}, seed + 1).to(at::kFloat),
                      random_tensor({count}, seed + 2).to(at::kFloat),
                      random_tensor({count}, seed + 3).to(at::kFloat).square(), settings});
    }
    return list;
  };
  const int before = at::get_num_threads();
  auto together = make(), alone = make();
  at::set_num_threads(2);
  adamw_step(together);
  at::set_num_threads(1);
  for (AdamWTensor& t : alone) adamw_step(std::span(&t, 1));
  at::set_num_threads(before);
  for (size_t i = 0; i < alone.size(); ++i) {
    EXPECT_TRUE(together[i].parameter.equal(alone[i].parameter)) << i;
    EXPECT_TRUE(together[i].second_moment.equal(alone[i].second_moment)) << i;
  }
}

TEST(adamw, refuses_what_does_not_fit) {
  AdamWTensor t{at::ones({4}), at::zeros({5}), at::zeros({4}), at::zeros({4}), {}};
  EXPECT_THROW(adamw_step(std::span(&t, 1)), Error);
  t.gradient = at::zeros({4});
  t.settings.step = 0;
  EXPECT_THROW(adamw_step(std::span(&t, 1)), Error);
  AdamWTensor half = bf16_tensor(4, 1, 0, {});
  half.first_moment = half.first_moment.to(at::kBFloat16);
  EXPECT_THROW(adamw_step(std::span(&half, 1)), Error);
  AdamWTensor exact{at::ones({4}), at::zeros({4}), at::zeros({4}), at::zeros({4}), {}, RandomStream{}};
  EXPECT_THROW(adamw_step(std::span(&exact, 1)), Error);
  AdamWTensor copied = bf16_tensor(4, 1, 0, {});
  copied.master = at::ones({4});
  adamw_step(std::span(&copied, 1));
  copied.rounding = RandomStream{};  // the weight is the master's rounding to nearest
  EXPECT_THROW(adamw_step(std::span(&copied, 1)), Error);
  copied.rounding.reset();
  for (const at::Tensor& master : {at::ones({3}), at::ones({4}, at::kDouble), at::ones({8}).slice(0, 0, 8, 2)}) {
    copied.master = master;
    EXPECT_THROW(adamw_step(std::span(&copied, 1)), Error);
  }
  AdamWTensor fp32{at::ones({4}), at::zeros({4}), at::zeros({4}), at::zeros({4}), {}, {}, at::ones({4})};
  EXPECT_THROW(adamw_step(std::span(&fp32, 1)), Error);
}

TEST(gradient_norm, is_the_fp64_norm_and_the_same_for_any_thread_count) {
  std::vector<at::Tensor> gradients;
  at::Tensor squares = at::zeros({}, at::kDouble);
  for (const int64_t count : {0, 1, 15, 4097, 100003}) {
    gradients.push_back(random_tensor({count}, static_cast<uint64_t>(count) + 1).to(at::kFloat));
    squares += gradients.back().to(at::kDouble).square().sum();
  }
  const int before = at::get_num_threads();
  at::set_num_threads(1);
  const double one = gradient_norm(gradients);
  at::set_num_threads(2);
  const double two = gradient_norm(gradients);
  at::set_num_threads(before);
  EXPECT_EQ(one, two);
  EXPECT_NEAR(one, std::sqrt(squares.item<double>()), 1e-10);
  EXPECT_EQ(gradient_norm({}), 0);
}

TEST(gradient_norm, takes_16_bit_gradients) {
  const std::vector<at::Tensor> gradients{at::tensor({3.0F, 4.0F}).to(at::kBFloat16)};
  EXPECT_EQ(gradient_norm(gradients), 5);
}

TEST(gradient_norm, does_not_overflow_and_passes_nan_on) {
  const std::vector<at::Tensor> large{at::full({100}, 1e30F)};
  EXPECT_NEAR(gradient_norm(large) / 1e31, 1, 1e-6);
  const std::vector<at::Tensor> bad{at::tensor({1.0F, std::nanf("")})};
  EXPECT_TRUE(std::isnan(gradient_norm(bad)));
}

}  // namespace
}  // namespace dermis
