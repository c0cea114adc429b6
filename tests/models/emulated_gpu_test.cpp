// A whole model in bf16 with every kernel of the GPU, on the emulated GPU and on compiled kernels, against the same
// model in fp32 on the CPU.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "models/decode/generate.h"
#include "models/placement.h"
#include "tests/kernels/attention/emulated_attention.h"
#include "tests/kernels/cuda/compiled_gpu.h"
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

// The model on the CPU in fp32, before `Gpu` lives and serves the CPU's tensors, and then on it.
struct Training {
  Batch batch = SmallBatch(kernel_model_config()).labelled(0, 5, 6).labelled(1, 3, 3).batch();
  Outcome exact = outcome_of({}, batch);

  void expect_same(at::ScalarType weights) const {
    const Outcome found = outcome_of({.weights = weights, .compute = at::kBFloat16}, batch);
    testing::expect_near(found, exact, 0.05);
  }
};

struct Generation {
  Batch prompts = SmallBatch(kernel_model_config()).prompt(0, 5).prompt(1, 3).batch();
  GenerateOptions options{.max_new_tokens = 4};
  std::vector<Generated> exact = generate(kernel_model({}), prompts, options);

  void expect_same() const {
    const Placement placement{.weights = at::kBFloat16, .compute = at::kBFloat16};
    const std::vector<Generated> found = generate(kernel_model(placement), prompts, options);
    for (size_t s = 0; s < exact.size(); ++s) {
      EXPECT_EQ(found[s].tokens, exact[s].tokens) << s;
      EXPECT_NEAR(found[s].log_likelihood, exact[s].log_likelihood, -0.03 * exact[s].log_likelihood) << s;
    }
  }
};

TEST(EmulatedModel, LossAndGradientsOfTrainingInBf16) {
  const Training training;
  const EmulatedGpu gpu(all_entries());
  for (const at::ScalarType weights : {at::kFloat, at::kBFloat16}) training.expect_same(weights);
}

TEST(EmulatedModel, GenerationFromWeightsInBf16) {
  const Generation generation;
  const EmulatedGpu gpu(all_entries());
  generation.expect_same();
}

// What the program ships, from the tensors of a model to compiled kernels.
TEST(CompiledModel, LossAndGradientsOfTrainingInBf16) {
  const Training training;
  DERMIS_COMPILED_GPU(gpu);
  for (const at::ScalarType weights : {at::kFloat, at::kBFloat16}) training.expect_same(weights);
}

TEST(CompiledModel, GenerationFromWeightsInBf16) {
  const Generation generation;
  DERMIS_COMPILED_GPU(gpu);
  generation.expect_same();
}

}  // namespace
}  // namespace dermis
