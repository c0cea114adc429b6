// Operators from tensors through the launchers of the shipped CUDA module to what nvcc compiled, on the CPU.
#include <gtest/gtest.h>

#include "kernels/selftest/selftest.h"
#include "kernels/selftest/selftest_makers.h"
#include "tests/kernels/cuda/compiled_gpu.h"

namespace dermis {
namespace {

TEST(CompiledOperators, TheModuleOpens) {
  DERMIS_COMPILED_GPU(gpu);
  const CudaFacts& facts = testing::compiled_module()->facts;
  ASSERT_EQ(facts.devices.size(), 1U);
  EXPECT_EQ(facts.devices[0].name, "PTX");
  EXPECT_EQ(facts.devices[0].major, 8);
}

// On a GPU 16-bit attention has four head sizes.
SelftestCase attention_on_a_gpu(SelftestDraw& draw) {
  SelftestCase drawn = make_attention_case(draw);
  while (!drawn.for_gpu_halves) drawn = make_attention_case(draw);
  return drawn;
}

// Random shapes, masks and options, all head sizes and types: `dermis selftest` on this GPU.
class CompiledSelftest : public ::testing::TestWithParam<std::string> {};

TEST_P(CompiledSelftest, Passes) {
  DERMIS_COMPILED_GPU(gpu);
  std::vector<SelftestOperator> table = selftest_table();
  for (SelftestOperator& op : table)
    if (op.make == make_attention_case) op.make = attention_on_a_gpu;
  const auto results =
      run_selftest({.seed = 1, .count = 12, .only = GetParam()}, table,
                   {{"GPU fp32"}, {"GPU bf16", at::kCPU, at::kBFloat16}, {"GPU fp16", at::kCPU, at::kHalf}});
  EXPECT_FALSE(results.empty());
  for (const SelftestResult& result : results)
    EXPECT_TRUE(result.failures.empty()) << result.path << ": " << result.failures.front();
}

INSTANTIATE_TEST_SUITE_P(Operators, CompiledSelftest, ::testing::ValuesIn(selftest_operators()),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace dermis
