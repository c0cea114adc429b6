#include "kernels/layer_norm/layer_norm_kernel.h"

#include "kernels/column_sum/column_sum_kernel.h"
#include "tests/device/operators/norm_case.h"

namespace dermis::testing {
namespace {

constexpr double kEps = 1e-6;

template <class Types>
class LayerNorm : public ::testing::Test {};
TYPED_TEST_SUITE(LayerNorm, AllNormTypes);

struct Statistics {
  double mean = 0, inverse = 0;
};
Statistics statistics(const double* s, int32_t width) {
  Statistics result;
  for (int32_t i = 0; i < width; ++i) result.mean += s[i] / width;
  double squares = 0;
  for (int32_t i = 0; i < width; ++i) squares += (s[i] - result.mean) * (s[i] - result.mean);
  result.inverse = 1 / std::sqrt(squares / width + kEps);
  return result;
}

template <class E, class W>
void check_forward(const NormCase& c) {
  SCOPED_TRACE(c.name());
  // A mean twenty deviations from zero: a variance from a sum of squares would lose its digits.
  const auto x = normal_values<E>(c.seed, 1, c.count(), 0.5, 10), weight = normal_values<W>(c.seed, 3, c.width);
  const auto residual = c.residual ? normal_values<E>(c.seed, 2, c.count(), 0.5) : std::vector<double>{};
  const auto bias = normal_values<W>(c.seed, 4, c.width);
  EmulatedDevice device;
  DeviceMatrix<E> x_rows(device, x, c.width, c.layout), residual_rows(device, residual, c.width, c.layout);
  DeviceMatrix<E> sum_rows(device, c.rows, c.width, c.layout), y_rows(device, c.rows, c.width, c.layout);
  DeviceMatrix<W> weights(device, weight, c.width), biases(device, bias, c.width);
  DeviceMatrix<float> mean(device, c.rows, 1), inverse(device, c.rows, 1);
  LayerNormForwardParams p{.type = kTypeOf<E>, .weight_type = kTypeOf<W>, .x = x_rows.input()};
  p.weight = weights.data();
  p.bias = biases.data();
  p.y = y_rows.output();
  p.mean = mean.data();
  p.inverse_deviation = inverse.data();
  p.rows = c.rows;
  p.width = c.width;
  p.eps = kEps;
  if (c.residual) {
    p.residual = residual_rows.input();
    p.sum = sum_rows.output();
  }
  launch_emulated<LayerNormForwardKernel<E>>(device, layer_norm_forward_launch(p), p, c.seed);

  const auto s = rounded_sum<E>(x, residual);
  std::vector<double> y, magnitudes, means, inverses;
  for (int64_t row = 0; row < c.rows; ++row) {
    const double* values = s.data() + row * c.width;
    const Statistics exact = statistics(values, c.width);
    means.push_back(exact.mean);
    inverses.push_back(exact.inverse);
    for (int32_t i = 0; i < c.width; ++i) {
      const double w = weight[static_cast<size_t>(i)], b = bias[static_cast<size_t>(i)];
      y.push_back((values[i] - exact.mean) * exact.inverse * w + b);
      magnitudes.push_back((std::abs(values[i]) + std::abs(exact.mean)) * exact.inverse * std::abs(w) + std::abs(b));
    }
  }
  if (c.residual) {
    sum_rows.expect_all_written();
    EXPECT_EQ(sum_rows.values(), s);
  }
  y_rows.expect_all_written();
  expect_rounded<E>(y_rows.values(), y, 0x1p-22, magnitudes, "y");
  mean.expect_all_written();
  expect_rounded<float>(mean.values(), means, 0x1p-22, means, "mean");
  inverse.expect_all_written();
  expect_rounded<float>(inverse.values(), inverses, 0x1p-20, inverses, "inverse_deviation");
}

TYPED_TEST(LayerNorm, ForwardIsExactToRounding) {
  for (const NormCase& c : norm_cases()) {
    if (c.width == 1) continue;  // a deviation of nothing but rounding, times 1 / sqrt(eps): see SingleColumn
    check_forward<typename TypeParam::Activation, typename TypeParam::Weight>(c);
    if (this->HasFatalFailure()) return;
  }
}

// One column is its own mean: y is the bias.
TEST(LayerNormDevice, SingleColumn) {
  EmulatedDevice device;
  const std::vector<double> values{3, -7.25}, weights{5}, biases{0.125};
  DeviceMatrix<float> x(device, values, 1), weight(device, weights, 1), bias(device, biases, 1), y(device, 2, 1);
  LayerNormForwardParams p;
  p.x = x.input();
  p.y = y.output();
  p.weight = weight.data();
  p.bias = bias.data();
  p.rows = 2;
  p.width = 1;
  p.eps = kEps;
  launch_emulated<LayerNormForwardKernel<float>>(device, layer_norm_forward_launch(p), p, 1);
  EXPECT_EQ(y.values(), (std::vector<double>{0.125, 0.125}));
}

struct WeightGradients {
  std::vector<double> weight, bias;
  bool operator==(const WeightGradients&) const = default;
};

// With `residual`: the gradient of the sum's other uses is added.
template <class E, class W>
WeightGradients check_backward(const NormCase& c, uint64_t schedule) {
  const auto s = normal_values<E>(c.seed, 1, c.count(), 2, 1), grad_y = normal_values<E>(c.seed, 2, c.count());
  const auto grad_sum = c.residual ? normal_values<E>(c.seed, 3, c.count()) : std::vector<double>{};
  const auto weight = normal_values<W>(c.seed, 4, c.width);
  std::vector<double> means, inverses;
  for (int64_t row = 0; row < c.rows; ++row) {
    const Statistics exact = statistics(s.data() + row * c.width, c.width);
    means.push_back(static_cast<float>(exact.mean));
    inverses.push_back(static_cast<float>(exact.inverse));
  }
  EmulatedDevice device;
  DeviceMatrix<E> s_rows(device, s, c.width, c.layout), grad_y_rows(device, grad_y, c.width, c.layout);
  DeviceMatrix<E> grad_sum_rows(device, grad_sum, c.width, c.layout), grad_x(device, c.rows, c.width, c.layout);
  DeviceMatrix<W> weights(device, weight, c.width), grad_weight(device, 1, c.width), grad_bias(device, 1, c.width);
  DeviceMatrix<float> mean(device, means, 1), inverse(device, inverses, 1);
  DeviceMatrix<float> partials(device, 2 * partial_rows(c.rows, c.width), c.width);
  LayerNormBackwardParams p{.type = kTypeOf<E>, .weight_type = kTypeOf<W>, .s = s_rows.input()};
  p.grad_y = grad_y_rows.input();
  if (c.residual) p.grad_sum = grad_sum_rows.input();
  p.weight = weights.data();
  p.mean = mean.data();
  p.inverse_deviation = inverse.data();
  p.grad_x = grad_x.output();
  p.grad_weight = grad_weight.data();
  p.grad_bias = grad_bias.data();
  p.partials = partials.data();
  p.rows = c.rows;
  p.width = c.width;
  launch_emulated<LayerNormBackwardKernel<E>>(device, layer_norm_backward_launch(p), p, schedule, 2);
  partials.expect_all_written();
  const ColumnSumParams sums = layer_norm_weight_sum(p);
  launch_emulated<ColumnSumKernel>(device, column_sum_launch(sums), sums, schedule);

  std::vector<double> exact, magnitudes;
  std::vector<double> weight_sums(static_cast<size_t>(c.width)), bias_sums = weight_sums;
  std::vector<double> weight_magnitudes = weight_sums, bias_magnitudes = weight_sums;
  for (int64_t row = 0; row < c.rows; ++row) {
    const double mu = means[static_cast<size_t>(row)], r = inverses[static_cast<size_t>(row)];
    const double *values = s.data() + row * c.width, *grads = grad_y.data() + row * c.width;
    double v_mean = 0, vn_mean = 0, v_magnitude = 0, vn_magnitude = 0;
    for (int32_t i = 0; i < c.width; ++i) {
      const auto at = static_cast<size_t>(i);
      const double n = (values[i] - mu) * r, v = grads[i] * weight[at];
      v_mean += v / c.width;
      vn_mean += v * n / c.width;
      v_magnitude += std::abs(v) / c.width;
      vn_magnitude += std::abs(v) * (std::abs(values[i]) + std::abs(mu)) * r / c.width;
      weight_sums[at] += grads[i] * n;
      weight_magnitudes[at] += std::abs(grads[i]) * (std::abs(values[i]) + std::abs(mu)) * r;
      bias_sums[at] += grads[i];
      bias_magnitudes[at] += std::abs(grads[i]);
    }
    for (int32_t i = 0; i < c.width; ++i) {
      const double n = (values[i] - mu) * r, v = grads[i] * weight[static_cast<size_t>(i)];
      const double other = c.residual ? grad_sum[static_cast<size_t>(row * c.width + i)] : 0;
      exact.push_back(other + r * (v - v_mean - n * vn_mean));
      magnitudes.push_back(std::abs(other) + r * (std::abs(v) + v_magnitude + std::abs(n) * vn_magnitude));
    }
  }
  grad_x.expect_all_written();
  expect_rounded<E>(grad_x.values(), exact, 0x1p-20, magnitudes, "grad_x");
  grad_weight.expect_all_written();
  expect_rounded<W>(grad_weight.values(), weight_sums, 0x1p-21, weight_magnitudes, "grad_weight");
  grad_bias.expect_all_written();
  expect_rounded<W>(grad_bias.values(), bias_sums, 0x1p-21, bias_magnitudes, "grad_bias");
  return {grad_weight.values(), grad_bias.values()};
}

TYPED_TEST(LayerNorm, BackwardIsExactToRounding) {
  for (const NormCase& c : norm_cases()) {
    SCOPED_TRACE(c.name());
    check_backward<typename TypeParam::Activation, typename TypeParam::Weight>(c, c.seed);
    if (this->HasFatalFailure()) return;
  }
}

TEST(LayerNormDevice, WeightGradientsDoNotDependOnTheSchedule) {
  const NormCase c{300, 40, {}, false, 5};
  const WeightGradients first = check_backward<Bf16, float>(c, 1);
  for (const uint64_t schedule : {2, 3}) EXPECT_EQ((check_backward<Bf16, float>(c, schedule)), first);
}

}  // namespace
}  // namespace dermis::testing
