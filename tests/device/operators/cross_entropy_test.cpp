#include <algorithm>
#include <numeric>

#include "kernels/linear_ce/linear_ce_kernel.h"
#include "tests/device/operators/device_matrix.h"

namespace dermis::testing {
namespace {

template <class E>
class CrossEntropy : public ::testing::Test {};
using AllTypes = ::testing::Types<float, Bf16, Fp16>;
TYPED_TEST_SUITE(CrossEntropy, AllTypes);

struct Result {
  double loss = 0;
  std::vector<double> gradient;
};
Result exact_row(const double* logits, int32_t vocabulary, int32_t label, double scale, double softcap) {
  std::vector<double> z(logits, logits + vocabulary), slope(z.size(), 1);
  if (softcap > 0) {
    for (size_t i = 0; i < z.size(); ++i) {
      const double t = std::tanh(z[i] / softcap);
      z[i] = softcap * t;
      slope[i] = 1 - t * t;
    }
  }
  const double top = *std::max_element(z.begin(), z.end());
  double sum = 0, others = 0;
  for (size_t i = 0; i < z.size(); ++i) {
    sum += std::exp(z[i] - top);
    if (i != static_cast<size_t>(label)) others += std::exp(z[i] - top);
  }
  const double e_label = std::exp(z[static_cast<size_t>(label)] - top);
  Result result{
      scale * (others < e_label ? std::log1p(others / e_label) : std::log(sum) + top - z[static_cast<size_t>(label)]),
      {}};
  for (size_t i = 0; i < z.size(); ++i) {
    const double p = i == static_cast<size_t>(label) ? -others / sum : std::exp(z[i] - top) / sum;
    result.gradient.push_back(scale * p * slope[i]);
  }
  return result;
}

struct CrossEntropyCase {
  int64_t rows;
  int32_t vocabulary;
  double spread;  // of the logits
  float softcap;
  MatrixLayout layout;
  bool with_gradient = true;
};

template <class E>
void check(const CrossEntropyCase& c, uint64_t seed) {
  SCOPED_TRACE(std::to_string(c.rows) + " x " + std::to_string(c.vocabulary) + " spread " + std::to_string(c.spread) +
               " cap " + std::to_string(c.softcap) + " " + c.layout.name);
  auto logits = normal_values<E>(seed, 1, c.rows * c.vocabulary, c.spread);
  Random random(seed, RandomPurpose::selftest, 2);
  std::vector<int32_t> labels;
  std::vector<double> scales;
  for (int64_t row = 0; row < c.rows; ++row) {
    labels.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(c.vocabulary))));
    scales.push_back(static_cast<float>(row % 3 == 2 ? 0 : random.uniform(0.01, 2)));
    double& at_label = logits[static_cast<size_t>(row * c.vocabulary + labels.back())];
    if (row % 4 == 1) at_label = 25;   // a label that is nearly certain
    if (row % 4 == 3) at_label = -25;  // and one that is ruled out
  }
  EmulatedDevice device;
  DeviceMatrix<E> matrix(device, logits, c.vocabulary, c.layout);
  DeviceBuffer<int32_t> device_labels(device, labels);
  DeviceMatrix<float> device_scales(device, scales, 1), losses(device, c.rows, 1);
  DeviceMatrix<float> scratch(device, c.rows, cross_entropy_scratch(c.vocabulary));
  const CrossEntropyParams p{.type = kTypeOf<E>,
                             .logits = matrix.output(),
                             .labels = device_labels.data(),
                             .scales = device_scales.data(),
                             .losses = losses.data(),
                             .scratch = scratch.data(),
                             .rows = c.rows,
                             .vocabulary = c.vocabulary,
                             .softcap = c.softcap,
                             .with_gradient = c.with_gradient};
  launch_emulated<CrossEntropySumsKernel<E>>(device, cross_entropy_sums_launch(p), p, seed);
  launch_emulated<CrossEntropyGradientKernel<E>>(device, cross_entropy_gradient_launch(p), p, seed);

  std::vector<double> exact_losses, loss_sizes, gradients, gradient_sizes;
  for (int64_t row = 0; row < c.rows; ++row) {
    const auto at = static_cast<size_t>(row);
    const double* values = logits.data() + row * c.vocabulary;
    const Result exact = exact_row(values, c.vocabulary, labels[at], scales[at], c.softcap);
    exact_losses.push_back(exact.loss);
    loss_sizes.push_back(exact.loss);
    for (const double g : exact.gradient) {
      gradients.push_back(g);
      // The exponent of a logit far below the largest, and 1 - tanh^2 of a capped one, are less exact.
      gradient_sizes.push_back(std::abs(g) + (c.softcap > 0 ? scales[at] * 0.01 : 0));
    }
  }
  losses.expect_all_written();
  expect_rounded<float>(losses.values(), exact_losses, 0x1p-18, loss_sizes, "losses");
  if (c.with_gradient) {
    expect_rounded<E>(matrix.values(), gradients, 0x1p-17, gradient_sizes, "gradient");
  } else {
    EXPECT_EQ(matrix.values(), logits);
  }
}

TYPED_TEST(CrossEntropy, LossAndGradientAreExactToRounding) {
  uint64_t seed = 0;
  for (const auto& [rows, vocabulary] :
       std::vector<std::pair<int64_t, int32_t>>{{0, 5}, {2, 1}, {5, 2}, {5, 7}, {4, 1003}, {4, 8192}, {3, 20001}}) {
    for (const MatrixLayout& layout : kMatrixLayouts) {
      for (const float softcap : {0.0F, 30.0F}) {
        seed = seed % 3 + 1;
        check<TypeParam>({rows, vocabulary, 4, softcap, layout}, seed);
        if (this->HasFatalFailure()) return;
      }
    }
  }
  check<TypeParam>({3, 1003, 60, 5, {}}, 1);  // deep into the cap
  check<TypeParam>({5, 20001, 4, 30, {}, false}, 2);
}

// Losses of a confident model: log(1 + 1e-7), which 1 - p in fp32 would not resolve.
TEST(CrossEntropyDevice, SmallLossesKeepTheirDigits) {
  const std::vector<double> logits{20, 20 - 16.118095650958319, -100, -100};  // e^-16.1181 = 1e-7
  EmulatedDevice device;
  DeviceMatrix<float> matrix(device, logits, 4), scales(device, std::vector<double>{1}, 1), losses(device, 1, 1);
  DeviceMatrix<float> scratch(device, 1, cross_entropy_scratch(4));
  DeviceBuffer<int32_t> labels(device, std::vector<int32_t>{0});
  const CrossEntropyParams p{.logits = matrix.output(),
                             .labels = labels.data(),
                             .scales = scales.data(),
                             .losses = losses.data(),
                             .scratch = scratch.data(),
                             .rows = 1,
                             .vocabulary = 4};
  launch_emulated<CrossEntropySumsKernel<float>>(device, cross_entropy_sums_launch(p), p, 1);
  launch_emulated<CrossEntropyGradientKernel<float>>(device, cross_entropy_gradient_launch(p), p, 1);
  EXPECT_NEAR(losses.values()[0], 1e-7, 1e-12);
  EXPECT_NEAR(matrix.values()[0], -1e-7, 1e-12);
  EXPECT_NEAR(matrix.values()[1], 1e-7, 1e-12);
}

TEST(CrossEntropyDevice, NanReachesTheLoss) {
  const std::vector<double> logits{1, std::nan(""), 3};
  EmulatedDevice device;
  DeviceMatrix<Bf16> matrix(device, logits, 3);
  DeviceMatrix<float> scales(device, std::vector<double>{1}, 1), losses(device, 1, 1);
  DeviceMatrix<float> scratch(device, 1, cross_entropy_scratch(3));
  DeviceBuffer<int32_t> labels(device, std::vector<int32_t>{0});
  const CrossEntropyParams p{.type = ElementType::bf16,
                             .logits = matrix.output(),
                             .labels = labels.data(),
                             .scales = scales.data(),
                             .losses = losses.data(),
                             .scratch = scratch.data(),
                             .rows = 1,
                             .vocabulary = 3};
  launch_emulated<CrossEntropySumsKernel<Bf16>>(device, cross_entropy_sums_launch(p), p, 1);
  launch_emulated<CrossEntropyGradientKernel<Bf16>>(device, cross_entropy_gradient_launch(p), p, 1);
  EXPECT_TRUE(std::isnan(losses.values()[0]));
}

}  // namespace
}  // namespace dermis::testing
