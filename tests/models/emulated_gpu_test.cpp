// A whole model in bf16 with every kernel of the GPU, on the emulated GPU, against the same model in fp32 on the CPU.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "models/decode/generate.h"
#include "models/placement.h"
#include "tests/kernels/attention/emulated_attention.h"
#include "tests/kernels/cuda/emulated_entries.h"
#include "tests/models/kernel_model.h"
#include "tests/models/small_model.h"

namespace dermis {
namespace {

using testing::EmulatedGpu;
using testing::kernel_model;
using testing::kernel_model_config;
using testing::Outcome;
using testing::outcome_of;
using testing::SmallBatch;

DermisCudaEntries all_entries() {
  return testing::emulated_attention_entries<64>(testing::emulated_operator_entries());
}

TEST(EmulatedModel, LossAndGradientsOfTrainingInBf16) {
  const Batch batch = SmallBatch(kernel_model_config()).labelled(0, 5, 6).labelled(1, 3, 3).batch();
  const Outcome exact = outcome_of({}, batch);
  const EmulatedGpu gpu(all_entries());
  for (const at::ScalarType weights : {at::kFloat, at::kBFloat16}) {
    const Outcome found = outcome_of({.weights = weights, .compute = at::kBFloat16}, batch);
    testing::expect_near(found, exact, 0.05);
  }
}

TEST(EmulatedModel, GenerationFromWeightsInBf16) {
  const Batch prompts = SmallBatch(kernel_model_config()).prompt(0, 5).prompt(1, 3).batch();
  const GenerateOptions options{.max_new_tokens = 4};
  const std::vector<Generated> exact = generate(kernel_model({}), prompts, options);
  const EmulatedGpu gpu(all_entries());
  const Placement placement{.weights = at::kBFloat16, .compute = at::kBFloat16};
  const std::vector<Generated> found = generate(kernel_model(placement), prompts, options);
  for (size_t s = 0; s < exact.size(); ++s) {
    EXPECT_EQ(found[s].tokens, exact[s].tokens) << s;
    EXPECT_NEAR(found[s].log_likelihood, exact[s].log_likelihood, -0.03 * exact[s].log_likelihood) << s;
  }
}

}  // namespace
}  // namespace dermis
