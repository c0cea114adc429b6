// The yardstick itself: conversions against known bit patterns, attention against hand-worked numbers and finite
// differences.
#include "tests/device/attention/attention_reference.h"

#include "tests/device/attention/strided_rows.h"

namespace dermis::testing {
namespace {

TEST(AttentionReference, ConvertsKnownNumbers) {
  EXPECT_EQ(to_element<Bf16>(1.0).bits, 0x3f80);
  EXPECT_EQ(to_element<Bf16>(1 + 1.0 / 256).bits, 0x3f80);  // half way: to even
  EXPECT_EQ(to_element<Bf16>(1 + 3.0 / 256).bits, 0x3f82);
  EXPECT_EQ(to_element<Bf16>(-0.0).bits, 0x8000);
  EXPECT_EQ(to_element<Fp16>(1.0).bits, 0x3c00);
  EXPECT_EQ(to_element<Fp16>(1 + 1.0 / 2048).bits, 0x3c00);
  EXPECT_EQ(to_element<Fp16>(1 + 3.0 / 2048).bits, 0x3c02);
  EXPECT_EQ(to_element<Fp16>(-2.0).bits, 0xc000);
  EXPECT_EQ(to_element<Fp16>(65504.0).bits, 0x7bff);
  EXPECT_EQ(to_element<Fp16>(65520.0).bits, 0x7c00);
  EXPECT_EQ(to_element<Fp16>(std::ldexp(1.0, -24)).bits, 0x0001);
  EXPECT_EQ(to_element<Fp16>(std::ldexp(1.0, -25)).bits, 0x0000);
  for (int bits = 0; bits < 0x7c00; ++bits) {
    const Fp16 number{static_cast<uint16_t>(bits)};
    ASSERT_EQ(to_element<Fp16>(to_double(number)).bits, bits);
  }
}

TEST(AttentionReference, TwoKeysByHand) {
  AttentionProblem problem{VisibleKeys({0, 0, 2}, {1, 2, 2}, 2), 1, 1, 1, 1.0, 0, {2, 2, 2}, {0.5, 1}, {10, 20}, {}};
  const AttentionValues values = exact_attention(problem, false);
  EXPECT_DOUBLE_EQ(values.o[0], 10);
  EXPECT_DOUBLE_EQ(values.o[1], 10 + 10 / (1 + std::exp(-1.0)));  // scores 1 and 2
  EXPECT_EQ(values.o[2], 0);
  EXPECT_DOUBLE_EQ(values.lse[1], std::log(std::exp(1.0) + std::exp(2.0)));
  EXPECT_EQ(values.lse[2], -std::numeric_limits<double>::infinity());
}

TEST(AttentionReference, GradientsAreFiniteDifferences) {
  for (const double softcap : {0.0, 3.0}) {
    AttentionProblem problem =
        random_problem<Bf16>(VisibleKeys({0, 0, 2, 2, 5}, {0, 3, 5, 9, 9}, 9), 4, 2, 16, softcap, 7);
    const AttentionValues values = exact_attention(problem, true);
    const auto loss = [&] {
      const std::vector<double> o = exact_attention(problem, false).o;
      double sum = 0;
      for (size_t i = 0; i < o.size(); ++i) sum += o[i] * problem.grad_o[i];
      return sum;
    };
    const auto expect_gradient = [&](std::vector<double>& x, const std::vector<double>& gradient, const char* name) {
      for (size_t i = 0; i < x.size(); i += 7) {
        const double before = std::exchange(x[i], x[i] + 1e-5), above = loss();
        x[i] = before - 1e-5;
        const double below = loss();
        x[i] = before;
        ASSERT_NEAR((above - below) / 2e-5, gradient[i], 1e-7) << name << " " << i;
      }
    };
    expect_gradient(problem.q, values.dq, "dq");
    expect_gradient(problem.k, values.dk, "dk");
    expect_gradient(problem.v, values.dv, "dv");
  }
}

// What is a rounding step from exact is not compared with NaN, and a wrong number is seen.
TEST(AttentionReference, TallySeesAWrongNumber) {
  const std::vector<double> exact{1.0, -2.0, 0.5}, plain{1.001, -2.002, 0.5};
  ErrorTally<Bf16> same;
  same.add("plain", plain, plain, exact);
  EXPECT_DOUBLE_EQ(same.max_ratio(), 1);
  EXPECT_DOUBLE_EQ(same.rms_ratio(), 1);
  ErrorTally<Bf16> worse;
  worse.add("worse", {1.0, -2.0, 0.504}, plain, exact);
  EXPECT_NEAR(worse.max_ratio(), 2, 1e-9);
}

TEST(AttentionReference, LayoutsHoldWhatTheyAreGiven) {
  std::vector<double> values(5 * 3 * 64);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 251);
  for (const Layout layout : {Layout::contiguous, Layout::sliced, Layout::head_major}) {
    EmulatedDevice device;
    const StridedRows<Bf16> rows(device, values, 5, 3, 64, layout);
    EXPECT_EQ(rows.values(), values);
    EXPECT_EQ(to_double(rows.view().row(4, 2)[63]), values.back());
    EXPECT_FALSE(StridedRows<Bf16>(device, 5, 3, 64, layout).exactly_elements_written());
  }
}

}  // namespace
}  // namespace dermis::testing
