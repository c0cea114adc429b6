#include <memory>

#include "kernels/adamw/adamw_kernel.h"
#include "tests/device/operators/device_matrix.h"

namespace dermis::testing {
namespace {

struct Settings {
  double lr = 0.01, beta1 = 0.9, beta2 = 0.95, eps = 1e-8, weight_decay = 0.1, gradient_scale = 0.5;
};
AdamWFactors factors_of(const Settings& s, int step) {
  return {.gradient_scale = static_cast<float>(s.gradient_scale),
          .beta1 = static_cast<float>(s.beta1),
          .one_minus_beta1 = static_cast<float>(1 - s.beta1),
          .beta2 = static_cast<float>(s.beta2),
          .one_minus_beta2 = static_cast<float>(1 - s.beta2),
          .decay = static_cast<float>(1 - s.lr * s.weight_decay),
          .step_size = static_cast<float>(s.lr / (1 - std::pow(s.beta1, step))),
          .inverse_correction = static_cast<float>(1 / std::sqrt(1 - std::pow(s.beta2, step))),
          .eps = static_cast<float>(s.eps)};
}

// A tensor in fp64, as the paper writes the step (arXiv 1711.05101, algorithm 2).
struct ExactTensor {
  std::vector<double> parameter, first, second;

  explicit ExactTensor(std::vector<double> values)
      : parameter(std::move(values)), first(parameter.size()), second(parameter.size()) {}
  void step(const std::vector<double>& gradient, const Settings& s, int t) {
    for (size_t i = 0; i < parameter.size(); ++i) {
      const double g = gradient[i] * s.gradient_scale;
      first[i] = s.beta1 * first[i] + (1 - s.beta1) * g;
      second[i] = s.beta2 * second[i] + (1 - s.beta2) * g * g;
      const double m = first[i] / (1 - std::pow(s.beta1, t)), v = second[i] / (1 - std::pow(s.beta2, t));
      parameter[i] -= s.lr * (m / (std::sqrt(v) + s.eps) + s.weight_decay * parameter[i]);
    }
  }
};

// The same on the device; P is the parameter's type, G the gradient's.
struct DeviceTensor {
  virtual ~DeviceTensor() = default;
  virtual AdamWTensorEntry entry() = 0;
  virtual void upload_gradient(const std::vector<double>& gradient) = 0;
};
template <class P, class G>
struct TypedTensor : DeviceTensor {
  int64_t count;
  DeviceMatrix<P> parameter;
  DeviceMatrix<float> first, second, master;
  DeviceBuffer<G> gradient;
  int64_t gradient_before;
  bool has_master;

  TypedTensor(EmulatedDevice& device, const std::vector<double>& values, bool with_master, MatrixLayout layout)
      : count(static_cast<int64_t>(values.size())),
        parameter(device, values, 1, layout),
        first(device, std::vector<double>(values.size()), 1, layout),
        second(device, std::vector<double>(values.size()), 1, layout),
        master(device, values, 1, layout),
        gradient(device, values.size() + static_cast<size_t>(layout.before)),
        gradient_before(layout.before),
        has_master(with_master) {}
  AdamWTensorEntry entry() override {
    return {.parameter = parameter.data(),
            .gradient = gradient.data() + gradient_before,
            .first_moment = first.data(),
            .second_moment = second.data(),
            .master = has_master ? master.data() : nullptr,
            .count = count,
            .parameter_type = kTypeOf<P>,
            .gradient_type = kTypeOf<G>};
  }
  void upload_gradient(const std::vector<double>& values) override {
    std::vector<double> storage(static_cast<size_t>(gradient_before), std::nan(""));
    storage.insert(storage.end(), values.begin(), values.end());
    gradient.upload_values(storage);
  }
};

void step(EmulatedDevice& device, std::vector<AdamWTensorEntry> entries, uint64_t seed) {
  std::vector<int64_t> counts;
  for (const AdamWTensorEntry& entry : entries) counts.push_back(entry.count);
  const TensorBlocks blocks = tensor_blocks(counts);
  for (size_t i = 0; i < entries.size(); ++i) entries[i].first_block = blocks.first_block[i];
  DeviceBuffer<AdamWTensorEntry> table(device, entries);
  DeviceBuffer<int32_t> tensor_of_block(device, blocks.tensor_of_block);
  const AdamWParams p{table.data(), tensor_of_block.data(), static_cast<int64_t>(blocks.tensor_of_block.size())};
  launch_emulated<AdamWKernel>(device, adamw_launch(p), p, seed);
}

TEST(AdamWDevice, TwoStepsByHand) {
  const Settings s{.lr = 0.1, .beta1 = 0.9, .beta2 = 0.999, .weight_decay = 0.01, .gradient_scale = 1};
  EmulatedDevice device;
  TypedTensor<float, float> tensor(device, std::vector<double>{1}, false, {});
  const double gradients[2] = {0.5, -0.25}, parameters[2] = {0.899000002, 0.871467299};
  for (int t = 1; t <= 2; ++t) {
    tensor.upload_gradient({gradients[t - 1]});
    AdamWTensorEntry entry = tensor.entry();
    entry.factors = factors_of(s, t);
    step(device, {entry}, 1);
    EXPECT_NEAR(tensor.parameter.values()[0], parameters[t - 1], 1e-7);
  }
  EXPECT_NEAR(tensor.first.values()[0], 0.02, 1e-8);          // 0.9 * 0.05 - 0.1 * 0.25
  EXPECT_NEAR(tensor.second.values()[0], 0.00031225, 1e-10);  // 0.999 * 0.00025 + 0.001 * 0.0625
}

// Many tensors of all types and sizes in one launch, against fp64 over several steps.
TEST(AdamWDevice, FollowsTheExactTrajectory) {
  for (const MatrixLayout& layout : {MatrixLayout{}, MatrixLayout{"unaligned", 3, 0}}) {
    SCOPED_TRACE(layout.name);
    EmulatedDevice device;
    std::vector<ExactTensor> exact;
    std::vector<std::unique_ptr<DeviceTensor>> tensors;
    const auto add = [&]<class P, class G>(P, G, int64_t count, bool master) {
      exact.emplace_back(normal_values<P>(4, tensors.size(), count));
      tensors.push_back(std::make_unique<TypedTensor<P, G>>(device, exact.back().parameter, master, layout));
    };
    add(float{}, float{}, 1, false);
    add(float{}, float{}, kTensorBlock + 1, false);
    add(float{}, Bf16{}, 4099, false);
    add(Bf16{}, Bf16{}, 127, true);
    add(Bf16{}, float{}, 2048, true);
    add(Fp16{}, Fp16{}, 192, true);
    add(float{}, Fp16{}, 0, false);
    const Settings s;
    for (int t = 1; t <= 4; ++t) {
      std::vector<AdamWTensorEntry> entries;
      for (size_t i = 0; i < tensors.size(); ++i) {
        // bf16 holds them, and so do fp32 and, at this size, fp16.
        auto gradient =
            normal_values<Bf16>(static_cast<uint64_t>(t), i, static_cast<int64_t>(exact[i].parameter.size()));
        for (double& g : gradient)
          if (std::abs(g) < 0x1p-12) g = 0;
        tensors[i]->upload_gradient(gradient);
        exact[i].step(gradient, s, t);
        entries.push_back(tensors[i]->entry());
        entries.back().factors = factors_of(s, t);
      }
      step(device, entries, static_cast<uint64_t>(t));
    }
    const auto check = [&]<class P, class G>(P, G, size_t i) {
      SCOPED_TRACE("tensor " + std::to_string(i));
      const auto& tensor = static_cast<const TypedTensor<P, G>&>(*tensors[i]);
      const std::vector<double> ones(exact[i].parameter.size(), 1);
      expect_rounded<float>(tensor.first.values(), exact[i].first, 0x1p-21, ones, "first moment");
      expect_rounded<float>(tensor.second.values(), exact[i].second, 0x1p-21, ones, "second moment");
      const auto updated = tensor.has_master ? tensor.master.values() : tensor.parameter.values();
      expect_rounded<float>(updated, exact[i].parameter, 0x1p-20, ones, "parameter");
      if (!tensor.has_master) return;
      std::vector<double> rounded;
      for (const double value : updated) rounded.push_back(as_double(from_double<P>(value)));
      EXPECT_EQ(tensor.parameter.values(), rounded);
    };
    check(float{}, float{}, 0);
    check(float{}, float{}, 1);
    check(float{}, Bf16{}, 2);
    check(Bf16{}, Bf16{}, 3);
    check(Bf16{}, float{}, 4);
    check(Fp16{}, Fp16{}, 5);
    check(float{}, Fp16{}, 6);
  }
}

// Parameters of 1 that decay to 1 - 2^-12, a sixteenth of the way to the next smaller bf16, with chance numbers of the
// host's generator.
TEST(AdamWDevice, StochasticRoundingIsThatOfTheHostsGenerator) {
  constexpr int64_t kCount = 40000;
  const RandomStream stream = random_stream(11, RandomPurpose::rounding, 3, 4);
  EmulatedDevice device;
  TypedTensor<Bf16, Bf16> tensor(device, std::vector<double>(kCount, 1), false, {});
  tensor.upload_gradient(std::vector<double>(kCount, 0));
  AdamWTensorEntry entry = tensor.entry();
  entry.rounding = ParameterRounding::stochastic;
  for (size_t i = 0; i < 2; ++i) {
    entry.key[i] = stream.key[i];
    entry.stream[i] = stream.start[i];
  }
  entry.factors = factors_of({.lr = 0x1p-12, .weight_decay = 1}, 1);
  step(device, {entry}, 1);

  const std::vector<double> values = tensor.parameter.values();
  int64_t smaller = 0;
  for (int64_t i = 0; i < kCount; ++i) {
    const auto words = philox({static_cast<uint32_t>(i / 8), 0, stream.start[0], stream.start[1]}, stream.key);
    const uint32_t chance = words[static_cast<size_t>(i % 8 / 2)] >> (16 * (i % 2)) & 0xffffU;
    const bool carries = 0xf000U + chance >= 0x10000U;  // the low half of 1 - 2^-12 is 0xf000
    ASSERT_EQ(values[static_cast<size_t>(i)], carries ? 1 : 1 - 0x1p-8) << i;
    smaller += carries ? 0 : 1;
  }
  const double expected = kCount / 16.0, deviation = std::sqrt(kCount * (1 / 16.0) * (15 / 16.0));
  EXPECT_NEAR(static_cast<double>(smaller), expected, 4 * deviation);
}

// Steps of an eightieth of a unit in the last place: lost when rounded to nearest, kept on average by chance.
TEST(AdamWDevice, SmallStepsAddUpOnlyWithStochasticRounding) {
  constexpr int64_t kCount = 4096;
  constexpr int kSteps = 60;
  const Settings s{.lr = 1e-4, .weight_decay = 0, .gradient_scale = 1};
  EmulatedDevice device;
  TypedTensor<Bf16, Bf16> by_chance(device, std::vector<double>(kCount, 1.5), false, {});
  TypedTensor<Bf16, Bf16> to_nearest(device, std::vector<double>(kCount, 1.5), false, {});
  ExactTensor exact({1.5});
  by_chance.upload_gradient(std::vector<double>(kCount, 1));
  to_nearest.upload_gradient(std::vector<double>(kCount, 1));
  for (int t = 1; t <= kSteps; ++t) {
    AdamWTensorEntry entries[2] = {by_chance.entry(), to_nearest.entry()};
    entries[0].rounding = ParameterRounding::stochastic;
    const RandomStream stream = random_stream(1, RandomPurpose::rounding, static_cast<uint64_t>(t), 0);
    for (size_t i = 0; i < 2; ++i) {
      entries[0].key[i] = stream.key[i];
      entries[0].stream[i] = stream.start[i];
      entries[i].factors = factors_of(s, t);
    }
    step(device, {entries[0], entries[1]}, 1);
    exact.step({1}, s, t);
  }
  double mean = 0;
  for (const double value : by_chance.parameter.values()) mean += value / kCount;
  // A step's rounding has a variance of at most (2^-7 / 2)^2; steps are nearly all the same, 1e-4 of 2^-7.
  const double deviation = std::sqrt(kSteps * 1e-4 * 0x1p-7 / kCount);
  EXPECT_NEAR(mean, exact.parameter[0], 5 * deviation);
  EXPECT_NEAR(exact.parameter[0], 1.5 - kSteps * 1e-4, 1e-6);
  EXPECT_EQ(to_nearest.parameter.values(), std::vector<double>(kCount, 1.5));
}

double sum_of_squares(const std::vector<std::vector<double>>& gradients, uint64_t seed) {
  EmulatedDevice device;
  std::vector<DeviceBuffer<float>> fp32;
  std::vector<DeviceBuffer<Bf16>> bf16;
  std::vector<GradientEntry> entries;
  std::vector<int64_t> counts;
  fp32.reserve(gradients.size());
  bf16.reserve(gradients.size());
  for (size_t i = 0; i < gradients.size(); ++i) {
    const auto count = static_cast<int64_t>(gradients[i].size());
    if (i % 2 == 0) {
      fp32.emplace_back(device, gradients[i].size()).upload_values(gradients[i]);
      entries.push_back({fp32.back().data(), count, 0, ElementType::fp32});
    } else {
      bf16.emplace_back(device, gradients[i].size()).upload_values(gradients[i]);
      entries.push_back({bf16.back().data(), count, 0, ElementType::bf16});
    }
    counts.push_back(count);
  }
  const TensorBlocks blocks = tensor_blocks(counts);
  for (size_t i = 0; i < entries.size(); ++i) entries[i].first_block = blocks.first_block[i];
  DeviceBuffer<GradientEntry> table(device, entries);
  DeviceBuffer<int32_t> tensor_of_block(device, blocks.tensor_of_block);
  DeviceBuffer<double> partials(device, blocks.tensor_of_block.size()), sum(device, 1);
  const GradientNormParams p{table.data(), tensor_of_block.data(), partials.data(), sum.data(),
                             static_cast<int64_t>(blocks.tensor_of_block.size())};
  launch_emulated<GradientSquaresKernel>(device, gradient_squares_launch(p), p, seed);
  EXPECT_EQ(partials.unwritten(), 0U);
  launch_emulated<GradientTotalKernel>(device, gradient_total_launch(), p, seed);
  return sum.values()[0];
}

TEST(GradientNormDevice, IsExactAndAlwaysTheSame) {
  std::vector<std::vector<double>> gradients;
  double exact = 0;
  for (const int64_t count : {1, 4099, 40001, 7, 0, 16384}) {
    gradients.push_back(normal_values<Bf16>(2, gradients.size(), count, 1e-3));
    for (const double g : gradients.back()) exact += g * g;
  }
  const double first = sum_of_squares(gradients, 1);
  EXPECT_NEAR(first, exact, 1e-7 * exact);
  for (const uint64_t seed : {2, 3}) EXPECT_EQ(sum_of_squares(gradients, seed), first);
  gradients[1][7] = std::nan("");
  EXPECT_TRUE(std::isnan(sum_of_squares(gradients, 1)));
  EXPECT_EQ(sum_of_squares({}, 1), 0);
}

}  // namespace
}  // namespace dermis::testing
