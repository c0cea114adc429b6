// A whole model on a CUDA device against the same model on the CPU; skipped where there is none.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "kernels/cuda/cuda_module.h"
#include "kernels/linear_ce/linear_ce.h"
#include "models/decode/generate.h"
#include "models/placement.h"
#include "tests/models/kernel_model.h"
#include "tests/models/small_model.h"

namespace dermis {
namespace {

using testing::kernel_model;
using testing::kernel_model_config;
using testing::outcome_of;
using testing::SmallBatch;

class GpuModel : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string reason;
    if (cuda_module(&reason) == nullptr || !load_torch_cuda(&reason)) GTEST_SKIP() << reason;
  }
};

TEST_F(GpuModel, LossAndGradientsAreTheCpus) {
  const Batch batch = SmallBatch(kernel_model_config()).labelled(0, 5, 6).labelled(1, 3, 3).batch();
  const testing::Outcome exact = outcome_of({}, batch);
  const at::Device gpu(at::kCUDA, 0);
  testing::expect_near(outcome_of({.device = gpu}, batch), exact, 1e-4);
  for (const at::ScalarType weights : {at::kFloat, at::kBFloat16}) {
    testing::expect_near(outcome_of({.device = gpu, .weights = weights, .compute = at::kBFloat16}, batch), exact, 0.05);
  }
}

TEST_F(GpuModel, GreedyTokensAreTheCpus) {
  const Batch prompts = SmallBatch(kernel_model_config()).prompt(0, 5).prompt(1, 30).batch();
  const GenerateOptions options{.max_new_tokens = 24};
  const std::vector<Generated> exact = generate(kernel_model({}), prompts, options);
  const at::Device gpu(at::kCUDA, 0);
  const std::vector<Generated> fp32 = generate(kernel_model({.device = gpu}), prompts, options);
  const std::vector<Generated> bf16 =
      generate(kernel_model({.device = gpu, .weights = at::kBFloat16, .compute = at::kBFloat16}), prompts, options);
  for (size_t s = 0; s < exact.size(); ++s) {
    EXPECT_EQ(fp32[s].tokens, exact[s].tokens) << s;
    EXPECT_NEAR(fp32[s].log_likelihood, exact[s].log_likelihood, 1e-2) << s;
    ASSERT_FALSE(bf16[s].tokens.empty());
    EXPECT_EQ(bf16[s].tokens[0], exact[s].tokens[0]) << s;
  }
}

TEST_F(GpuModel, SampledTokensAreTheCpusDraws) {
  const Batch prompts = SmallBatch(kernel_model_config()).prompt(0, 5).batch();
  const GenerateOptions options{.max_new_tokens = 8, .temperature = 0.8, .top_k = 20, .top_p = 0.9, .seed = 5};
  const at::Device gpu(at::kCUDA, 0);
  EXPECT_EQ(generate(kernel_model({.device = gpu}), prompts, options)[0].tokens,
            generate(kernel_model({}), prompts, options)[0].tokens);
}

}  // namespace
}  // namespace dermis
