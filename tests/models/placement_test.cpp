#include "models/placement.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "kernels/cuda/cuda_module.h"
#include "tests/models/small_model.h"

namespace dermis {
namespace {

using ::testing::HasSubstr;

ErrorInfo error_of(const std::string& device, const std::string& precision, Purpose purpose = Purpose::inference,
                   const std::string& weights = "fp32") {
  try {
    choose_placement(device, precision, testing::small_config(), purpose, weights);
  } catch (const Error& error) {
    return error.info();
  }
  return {};
}

TEST(Placement, TheCpuComputesInFp32UnlessAsked) {
  const Placement chosen = choose_placement("cpu", "auto", testing::small_config(), Purpose::inference);
  EXPECT_TRUE(chosen.device.is_cpu());
  EXPECT_EQ(chosen.compute, at::kFloat);
  EXPECT_EQ(describe(chosen), "cpu, fp32");
}

TEST(Placement, TrainingKeepsWeightsInFp32UnlessAsked) {
  const VlmConfig config = testing::small_config();
  const Placement asked = choose_placement("cpu", "fp32", config, Purpose::training, "bf16");
  EXPECT_EQ(asked.weights, at::kBFloat16);
  EXPECT_EQ(asked.compute, at::kFloat);
  EXPECT_EQ(describe(asked), "cpu, fp32, weights bf16");
  EXPECT_EQ(choose_placement("cpu", "bf16", config, Purpose::training).weights, at::kFloat);
  EXPECT_EQ(choose_placement("cpu", "bf16", config, Purpose::training).compute, at::kBFloat16);
  EXPECT_EQ(choose_placement("cpu", "bf16", config, Purpose::inference).weights, at::kBFloat16);
}

TEST(Placement, WordsThatMeanNothingAreNamed) {
  EXPECT_THAT(error_of("gpu", "auto").expected, HasSubstr("cuda:N"));
  EXPECT_EQ(error_of("cuda:x", "auto").found, "cuda:x");
  EXPECT_EQ(error_of("cuda:-1", "auto").found, "cuda:-1");
  EXPECT_THAT(error_of("cpu", "fp8").expected, HasSubstr("bf16"));
  EXPECT_THAT(error_of("cpu", "fp16", Purpose::training).fix, HasSubstr("bf16"));
  EXPECT_EQ(error_of("cpu", "auto", Purpose::training, "fp16").where, "weights");
}

TEST(Placement, AnAbsentGpuIsAnErrorNotTheCpu) {
  if (cuda_module() != nullptr) GTEST_SKIP() << "this machine has a GPU";
  EXPECT_THAT(error_of("cuda", "auto").fix, HasSubstr("doctor"));
  EXPECT_TRUE(choose_placement("auto", "auto", testing::small_config(), Purpose::inference).device.is_cpu());
}

// 16-bit models on the CPU: slow, but the same answers within their rounding.
TEST(Placement, AModelInBf16OnTheCpuIsNearTheOneInFp32) {
  const Vlm exact = testing::small_model();
  Vlm rounded(testing::small_config(), 3, {.weights = at::kBFloat16, .compute = at::kBFloat16});
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < exact.parameters().size(); ++i)
    rounded.parameters()[i].tensor.copy_(exact.parameters()[i].tensor);
  const Batch batch = testing::SmallBatch(exact.config()).labelled(0, 4, 6).batch();
  const at::Tensor expected = exact.logits(exact.hidden_at_labels(batch));
  const at::Tensor found = rounded.logits(rounded.hidden_at_labels(batch));
  EXPECT_EQ(found.scalar_type(), at::kBFloat16);
  const at::Tensor error = (found.to(at::kFloat) - expected).square().mean().sqrt();
  EXPECT_LE(error.item<double>(), 0.05 * expected.square().mean().sqrt().item<double>());
}

}  // namespace
}  // namespace dermis
