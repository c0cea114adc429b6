#include "kernels/rms_norm/rms_norm_kernel.h"

#include "kernels/column_sum/column_sum_kernel.h"
#include "tests/device/operators/norm_case.h"

namespace dermis::testing {
namespace {

constexpr double kEps = 1e-6, kOffset = 1;

template <class Types>
class RmsNorm : public ::testing::Test {};
TYPED_TEST_SUITE(RmsNorm, AllNormTypes);

double inverse_rms(const double* s, int32_t width) {
  double squares = 0;
  for (int32_t i = 0; i < width; ++i) squares += s[i] * s[i];
  return 1 / std::sqrt(squares / width + kEps);
}

template <class E, class W>
void check_forward(const NormCase& c) {
  SCOPED_TRACE(c.name());
  const auto x = normal_values<E>(c.seed, 1, c.count(), 2, 0.5), weight = normal_values<W>(c.seed, 3, c.width);
  const auto residual = c.residual ? normal_values<E>(c.seed, 2, c.count(), 3) : std::vector<double>{};
  EmulatedDevice device;
  DeviceMatrix<E> x_rows(device, x, c.width, c.layout), residual_rows(device, residual, c.width, c.layout);
  DeviceMatrix<E> sum_rows(device, c.rows, c.width, c.layout), y_rows(device, c.rows, c.width, c.layout);
  DeviceMatrix<W> weights(device, weight, c.width);
  DeviceBuffer<float> inverse(device, static_cast<size_t>(c.rows));
  RmsNormForwardParams p{.type = kTypeOf<E>, .weight_type = kTypeOf<W>, .x = x_rows.input()};
  p.weight = weights.data();
  p.y = y_rows.output();
  p.inverse_rms = inverse.data();
  p.rows = c.rows;
  p.width = c.width;
  p.eps = kEps;
  p.weight_offset = kOffset;
  if (c.residual) {
    p.residual = residual_rows.input();
    p.sum = sum_rows.output();
  }
  launch_emulated<RmsNormForwardKernel<E>>(device, rms_norm_forward_launch(p), p, c.seed);

  const auto s = rounded_sum<E>(x, residual);
  std::vector<double> y, magnitudes, inverses;
  for (int64_t row = 0; row < c.rows; ++row) {
    const double* values = s.data() + row * c.width;
    inverses.push_back(inverse_rms(values, c.width));
    for (int32_t i = 0; i < c.width; ++i) {
      y.push_back(values[i] * inverses.back() * (kOffset + weight[static_cast<size_t>(i)]));
      magnitudes.push_back(std::abs(values[i]) * inverses.back() *
                           (kOffset + std::abs(weight[static_cast<size_t>(i)])));
    }
  }
  if (c.residual) {
    sum_rows.expect_all_written();
    EXPECT_EQ(sum_rows.values(), s);
  }
  y_rows.expect_all_written();
  expect_rounded<E>(y_rows.values(), y, 0x1p-21, magnitudes, "y");
  EXPECT_EQ(inverse.unwritten(), 0U);
  expect_rounded<float>(inverse.values(), inverses, 0x1p-21, inverses, "inverse_rms");
}

TYPED_TEST(RmsNorm, ForwardIsExactToRounding) {
  for (const NormCase& c : norm_cases()) {
    check_forward<typename TypeParam::Activation, typename TypeParam::Weight>(c);
    if (this->HasFatalFailure()) return;
  }
}

// With `residual`: the gradient of the sum's other uses is added.
template <class E, class W>
std::vector<W> check_backward(const NormCase& c, uint64_t schedule) {
  const auto s = normal_values<E>(c.seed, 1, c.count(), 2, 0.5), grad_y = normal_values<E>(c.seed, 2, c.count());
  const auto grad_sum = c.residual ? normal_values<E>(c.seed, 3, c.count()) : std::vector<double>{};
  const auto weight = normal_values<W>(c.seed, 4, c.width);
  std::vector<double> inverses;
  for (int64_t row = 0; row < c.rows; ++row)
    inverses.push_back(static_cast<float>(inverse_rms(s.data() + row * c.width, c.width)));

  EmulatedDevice device;
  DeviceMatrix<E> s_rows(device, s, c.width, c.layout), grad_y_rows(device, grad_y, c.width, c.layout);
  DeviceMatrix<E> grad_sum_rows(device, grad_sum, c.width, c.layout), grad_x(device, c.rows, c.width, c.layout);
  DeviceMatrix<W> weights(device, weight, c.width), grad_weight(device, 1, c.width);
  DeviceMatrix<float> inverse(device, inverses, 1), partials(device, partial_rows(c.rows, c.width), c.width);
  RmsNormBackwardParams p{.type = kTypeOf<E>, .weight_type = kTypeOf<W>, .s = s_rows.input()};
  p.grad_y = grad_y_rows.input();
  if (c.residual) p.grad_sum = grad_sum_rows.input();
  p.weight = weights.data();
  p.inverse_rms = inverse.data();
  p.grad_x = grad_x.output();
  p.grad_weight = grad_weight.data();
  p.partials = partials.data();
  p.rows = c.rows;
  p.width = c.width;
  p.weight_offset = kOffset;
  launch_emulated<RmsNormBackwardKernel<E>>(device, rms_norm_backward_launch(p), p, schedule, 2);
  partials.expect_all_written();
  const ColumnSumParams sums = rms_norm_weight_sum(p);
  launch_emulated<ColumnSumKernel>(device, column_sum_launch(sums), sums, schedule);

  std::vector<double> exact, magnitudes, weight_sums(static_cast<size_t>(c.width)), weight_magnitudes = weight_sums;
  for (int64_t row = 0; row < c.rows; ++row) {
    const double r = inverses[static_cast<size_t>(row)];
    const double *values = s.data() + row * c.width, *grads = grad_y.data() + row * c.width;
    double product = 0, product_magnitude = 0;
    for (int32_t i = 0; i < c.width; ++i) {
      const auto at = static_cast<size_t>(i);
      product += grads[i] * (kOffset + weight[at]) * values[i] / c.width;
      product_magnitude += std::abs(grads[i] * (kOffset + weight[at]) * values[i]) / c.width;
      weight_sums[at] += grads[i] * values[i] * r;
      weight_magnitudes[at] += std::abs(grads[i] * values[i] * r);
    }
    for (int32_t i = 0; i < c.width; ++i) {
      const double v = grads[i] * (kOffset + weight[static_cast<size_t>(i)]);
      const double other = c.residual ? grad_sum[static_cast<size_t>(row * c.width + i)] : 0;
      exact.push_back(other + r * v - values[i] * r * r * r * product);
      magnitudes.push_back(std::abs(other) + r * std::abs(v) + std::abs(values[i]) * r * r * r * product_magnitude);
    }
  }
  grad_x.expect_all_written();
  expect_rounded<E>(grad_x.values(), exact, 0x1p-20, magnitudes, "grad_x");
  grad_weight.expect_all_written();
  expect_rounded<W>(grad_weight.values(), weight_sums, 0x1p-21, weight_magnitudes, "grad_weight");
  return grad_weight.bits();
}

TYPED_TEST(RmsNorm, BackwardIsExactToRounding) {
  for (const NormCase& c : norm_cases()) {
    SCOPED_TRACE(c.name());
    check_backward<typename TypeParam::Activation, typename TypeParam::Weight>(c, c.seed);
    if (this->HasFatalFailure()) return;
  }
}

TEST(RmsNormDevice, WeightGradientDoesNotDependOnTheSchedule) {
  const NormCase c{300, 40, {}, false, 5};
  const std::vector<float> first = check_backward<Bf16, float>(c, 1);
  for (const uint64_t schedule : {2, 3}) EXPECT_EQ((check_backward<Bf16, float>(c, schedule)), first);
}

TEST(RmsNormDevice, Fp16OverflowsToInfinity) {
  EmulatedDevice device;
  DeviceMatrix<Fp16> x(device, {3, 4}, 2), y(device, 1, 2), weight(device, {40000, -40000}, 2);
  RmsNormForwardParams p{.type = ElementType::fp16, .weight_type = ElementType::fp16, .x = x.input()};
  p.weight = weight.data();
  p.y = y.output();
  p.rows = 1;
  p.width = 2;
  launch_emulated<RmsNormForwardKernel<Fp16>>(device, rms_norm_forward_launch(p), p, 1);
  // rms = sqrt(12.5): 3 / 3.5355 * 40000 = 33941, 4 / 3.5355 * 40000 = 45255: both fit; an offset of 40000 doubles
  // them.
  EXPECT_EQ(y.values(), (std::vector<double>{33952, -45248}));
  p.weight_offset = 40000;
  launch_emulated<RmsNormForwardKernel<Fp16>>(device, rms_norm_forward_launch(p), p, 1);
  EXPECT_EQ(y.values(), (std::vector<double>{std::numeric_limits<double>::infinity(), 0}));
}

}  // namespace
}  // namespace dermis::testing
