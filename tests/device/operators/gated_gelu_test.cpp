#include "kernels/gated_gelu/gated_gelu_kernel.h"

#include <algorithm>
#include <array>

#include "tests/device/operators/device_matrix.h"

namespace dermis::testing {
namespace {

template <class E>
class Activations : public ::testing::Test {};
using AllTypes = ::testing::Types<float, Bf16, Fp16>;
TYPED_TEST_SUITE(Activations, AllTypes);

struct Value {
  double value, slope;
};
// (1 + tanh u) / 2 = 1 / (1 + e^-2u) keeps its digits where tanh is -1 in fp64.
Value exact_gelu(double x) {
  constexpr double kRootTwoOverPi = 0.7978845608028654;
  const double u = kRootTwoOverPi * (x + 0.044715 * x * x * x), du = kRootTwoOverPi * (1 + 3 * 0.044715 * x * x);
  const double half = 1 / (1 + std::exp(-2 * u)), rest = 1 / (1 + std::exp(2 * u));
  return {x * half, half + 2 * x * half * rest * du};
}
Value exact_silu(double x) {
  const double s = 1 / (1 + std::exp(-x));
  return {x * s, s + x * s * (1 - s)};
}

// Values of all sizes: around zero, where the curve bends, and where it has become 0 or x.
template <class E>
std::vector<double> spread_values(uint64_t seed, uint64_t stream, int64_t count) {
  std::vector<double> values = normal_values<E>(seed, stream, count, 3);
  const std::array<double, 8> edges{0, -0.0, 1e-4, -1e-4, 20, -20, 300, -300};
  for (size_t i = 0; i < values.size(); i += 5) values[i] = as_double(from_double<E>(edges[i / 5 % edges.size()]));
  return values;
}

// What fp32 rounding of a gate comes to in x * gate: the exponent's error grows with x, up to x^3 in GELU.
double value_size(double value, double x) { return std::abs(value) * (1 + x * x); }
// And in the slope: where its error grows, so does what is left of the other gate shrink.
double slope_size(double factor) { return std::abs(factor); }

struct GateCase {
  int64_t rows;
  int32_t width;
  MatrixLayout layout;
};
std::vector<GateCase> gate_cases() {
  std::vector<GateCase> cases = {{0, 64, {}}, {3, 4099, {}}};
  for (const int32_t width : {1, 7, 127, 192, 1152}) {
    for (const MatrixLayout& layout : kMatrixLayouts) cases.push_back({5, width, layout});
  }
  return cases;
}

// gate and up as the halves of one matrix [rows, 2 width], as a matrix product leaves them.
template <class E, class Activation>
void check_gate(GateActivation activation, Value (*exact)(double), const GateCase& c, uint64_t seed) {
  SCOPED_TRACE(std::to_string(c.rows) + " x " + std::to_string(c.width) + " " + c.layout.name);
  const auto gate_up = spread_values<E>(seed, 1, c.rows * 2 * c.width),
             grad_y = normal_values<E>(seed, 2, c.rows * c.width);
  EmulatedDevice device;
  DeviceMatrix<E> in(device, gate_up, 2 * c.width, c.layout), grad(device, grad_y, c.width, c.layout);
  DeviceMatrix<E> y(device, c.rows, c.width, c.layout), grad_in(device, c.rows, 2 * c.width, c.layout);
  const InputRows gate = in.input(), up{in.data() + c.width, gate.stride};
  const GatedForwardParams forward{kTypeOf<E>, activation, gate, up, y.output(), c.rows, c.width};
  const Launch launch = elementwise_launch(pieces_of(c.rows, c.width));
  launch_emulated<GatedForwardKernel<E, Activation>>(device, launch, forward, seed);
  const OutputRows grad_gate = grad_in.output(), grad_up{grad_in.data() + c.width, grad_gate.stride};
  const GatedBackwardParams backward{kTypeOf<E>, activation, gate,   up,     grad.input(),
                                     grad_gate,  grad_up,    c.rows, c.width};
  launch_emulated<GatedBackwardKernel<E, Activation>>(device, launch, backward, seed);

  std::vector<double> values, value_sizes, grads(gate_up.size()), grad_sizes(gate_up.size());
  for (int64_t i = 0; i < c.rows * c.width; ++i) {
    const auto at = static_cast<size_t>(i / c.width * 2 * c.width + i % c.width), to_up = static_cast<size_t>(c.width);
    const double x = gate_up[at], u = gate_up[at + to_up], g = grad_y[static_cast<size_t>(i)];
    const Value act = exact(x);
    values.push_back(act.value * u);
    value_sizes.push_back(value_size(act.value * u, x));
    grads[at] = g * u * act.slope;
    grad_sizes[at] = slope_size(g * u);
    grads[at + to_up] = g * act.value;
    grad_sizes[at + to_up] = value_size(g * act.value, x);
  }
  y.expect_all_written();
  expect_rounded<E>(y.values(), values, 0x1p-20, value_sizes, "y");
  grad_in.expect_all_written();
  expect_rounded<E>(grad_in.values(), grads, 0x1p-20, grad_sizes, "grad of gate and up");
}

TYPED_TEST(Activations, GatesAreExactToRounding) {
  uint64_t seed = 0;
  for (const GateCase& c : gate_cases()) {
    seed = seed % 3 + 1;
    check_gate<TypeParam, GeluTanh>(GateActivation::gelu_tanh, exact_gelu, c, seed);
    check_gate<TypeParam, Silu>(GateActivation::silu, exact_silu, c, seed);
    if (this->HasFatalFailure()) return;
  }
}

TYPED_TEST(Activations, GeluIsExactToRounding) {
  for (const int64_t count : {0, 1, 8, 15, 2048, 4099}) {
    for (const int64_t before : {0, 3}) {
      SCOPED_TRACE(std::to_string(count) + " numbers from number " + std::to_string(before));
      const auto x = spread_values<TypeParam>(7, 1, count), grad_y = normal_values<TypeParam>(7, 2, count);
      const MatrixLayout layout{"", before, 0};
      EmulatedDevice device;
      DeviceMatrix<TypeParam> in(device, x, 1, layout), grad(device, grad_y, 1, layout);
      DeviceMatrix<TypeParam> y(device, count, 1, layout), grad_x(device, count, 1, layout);
      const Launch launch = elementwise_launch(pieces_of(1, count));
      launch_emulated<GeluForwardKernel<TypeParam>>(device, launch, {kTypeOf<TypeParam>, in.data(), y.data(), count},
                                                    1);
      launch_emulated<GeluBackwardKernel<TypeParam>>(
          device, launch, {kTypeOf<TypeParam>, in.data(), grad.data(), grad_x.data(), count}, 1);
      std::vector<double> values, value_sizes, grads, grad_sizes;
      for (size_t i = 0; i < x.size(); ++i) {
        const Value act = exact_gelu(x[i]);
        values.push_back(act.value);
        value_sizes.push_back(value_size(act.value, x[i]));
        grads.push_back(grad_y[i] * act.slope);
        grad_sizes.push_back(slope_size(grad_y[i]));
      }
      y.expect_all_written();
      expect_rounded<TypeParam>(y.values(), values, 0x1p-20, value_sizes, "y");
      grad_x.expect_all_written();
      expect_rounded<TypeParam>(grad_x.values(), grads, 0x1p-20, grad_sizes, "grad_x");
      if (this->HasFatalFailure()) return;
    }
  }
}

TEST(ActivationsDevice, LargeNumbersSaturateAndFp16Overflows) {
  EmulatedDevice device;
  DeviceMatrix<Fp16> in(device, {60000, 2, -60000, 2, 300, 300}, 2), grad(device, {1, 1, 1}, 1);
  DeviceMatrix<Fp16> y(device, 3, 1), grad_in(device, 3, 2);
  const InputRows gate = in.input(), up{in.data() + 1, gate.stride};
  const Launch launch = elementwise_launch(pieces_of(3, 1));
  launch_emulated<GatedForwardKernel<Fp16, GeluTanh>>(
      device, launch, {ElementType::fp16, GateActivation::gelu_tanh, gate, up, y.output(), 3, 1}, 1);
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(y.values(), (std::vector<double>{kInfinity, 0, kInfinity}));
  launch_emulated<GatedBackwardKernel<Fp16, GeluTanh>>(device, launch,
                                                       {ElementType::fp16,
                                                        GateActivation::gelu_tanh,
                                                        gate,
                                                        up,
                                                        grad.input(),
                                                        grad_in.output(),
                                                        {grad_in.data() + 1, 2},
                                                        3,
                                                        1},
                                                       1);
  EXPECT_EQ(grad_in.values(), (std::vector<double>{2, 60000, 0, 0, 300, 300}));
}

// x * x is infinite here.
TEST(ActivationsDevice, SlopesOfHugeNumbersAreOneOrZero) {
  EmulatedDevice device;
  DeviceMatrix<float> x(device, {1e30, -1e30, 2e19, -2e19}, 4), grad(device, {1, 1, 1, 1}, 4), grad_x(device, 1, 4);
  launch_emulated<GeluBackwardKernel<float>>(device, elementwise_launch(pieces_of(1, 4)),
                                             {ElementType::fp32, x.data(), grad.data(), grad_x.data(), 4}, 1);
  EXPECT_EQ(grad_x.values(), (std::vector<double>{1, 0, 1, 0}));
}

}  // namespace
}  // namespace dermis::testing
