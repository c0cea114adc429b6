#include "kernels/selftest/selftest.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "kernels/adamw/adamw_cuda.h"
#include "kernels/attention/device/decode_launch.h"
#include "kernels/attention/device/forward_launch.h"
#include "kernels/embedding/embedding_cuda.h"
#include "kernels/image_normalise/image_normalise_cuda.h"
#include "kernels/operator_paths/operator_paths.h"
#include "kernels/sampling/sampling_cuda.h"
#include "tests/kernels/cuda/emulated_entries.h"
#include "tests/kernels/cuda/emulated_gpu.h"

namespace dermis {
namespace {

// Computed in fp64 on the CPU.
bool exact_here(const std::string& op) { return op == "sample_tokens" || op == "gradient_norm"; }

TEST(selftest, every_operator_is_within_its_limit_and_leaves_its_error_behind) {
  for (const SelftestResult& result : run_selftest({.seed = 3, .count = 2, .only = ""})) {
    EXPECT_TRUE(result.failures.empty()) << result.op << ", " << result.path << ": " << result.failures.front();
    EXPECT_LE(result.cases, 2);
    EXPECT_LE(result.rms_error, result.max_error);
    if (exact_here(result.op)) continue;
    EXPECT_GT(result.max_error, 0) << result.op << ": fewer digits cannot agree with fp64 to the last bit";
  }
}

TEST(selftest, a_seed_repeats_its_cases) {
  const SelftestOptions options{.seed = 11, .count = 2, .only = "rope"};
  const auto first = run_selftest(options), second = run_selftest(options);
  ASSERT_EQ(first.size(), selftest_paths().size());
  EXPECT_EQ(first[0].max_error, second[0].max_error);
}

// An operator that goes wrong from ten rows on; 80 rows halved three times are ten.
SelftestCase make_broken(SelftestDraw& draw) {
  const int64_t rows = 80 >> draw.halvings;
  return {"rows " + std::to_string(rows), {at::ones({rows, 3}, at::kDouble)}, [](const std::vector<at::Tensor>& in) {
            const bool wrong = in[0].size(0) >= 10 && in[0].scalar_type() != at::kDouble;
            return std::vector<at::Tensor>{in[0] * (wrong ? 1.5 : 1.0)};
          }};
}

TEST(selftest, a_failure_names_seed_case_and_the_smallest_case_that_fails) {
  const std::vector<SelftestOperator> table{{"broken", 1e-5, make_broken}};
  const auto results =
      run_selftest({.seed = 5, .count = 1, .only = ""}, table, {{"CPU fp32"}, {"CPU bf16", at::kCPU, at::kBFloat16}});
  ASSERT_EQ(results.size(), 2U);
  for (const SelftestResult& result : results) {
    ASSERT_EQ(result.failures.size(), 1U) << result.path;
    const std::string& text = result.failures.front();
    EXPECT_EQ(text, "seed 5 case 0: rows 80: output 0 is off by 0.5; smallest failing: rows 10");
    EXPECT_NEAR(result.max_error, 0.5, 5e-3);
  }
}

TEST(selftest, halving_keeps_the_draw_and_its_lower_end) {
  const auto draw = [](int halvings) {
    return SelftestDraw{Random(1, RandomPurpose::selftest), halvings}.between(3, 1000);
  };
  const int64_t whole = draw(0);
  EXPECT_EQ(draw(1), std::max<int64_t>(3, whole / 2));
  EXPECT_EQ(draw(20), 3);
}

TEST(selftest, an_unknown_operator_is_answered_with_the_nearest) {
  try {
    run_selftest({.only = "rms_nrom"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.info().fix.find("rms_norm"), std::string::npos);
  }
}

TEST(selftest, tests_the_operators_that_doctor_lists) {
  std::vector<std::string> listed;
  for (const OperatorPath& path : operator_paths()) listed.push_back(path.op);
  EXPECT_EQ(selftest_operators(), listed);
}

// On the emulated GPU, the operators but attention.
std::vector<SelftestResult> on_emulated_gpu(const DermisCudaEntries& entries, int count, const std::string& only) {
  std::vector<SelftestOperator> table;
  for (const SelftestOperator& op : selftest_table())
    if (!std::string(op.name).starts_with("attention")) table.push_back(op);
  const testing::EmulatedGpu gpu(entries);
  return run_selftest({.seed = 1, .count = count, .only = only}, table,
                      {{"GPU fp32"}, {"GPU bf16", at::kCPU, at::kBFloat16}, {"GPU fp16", at::kCPU, at::kHalf}});
}

TEST(selftest, takes_every_operators_kernels_on_a_gpu) {
  for (const SelftestResult& result : on_emulated_gpu(testing::emulated_operator_entries(), 1, ""))
    EXPECT_TRUE(result.failures.empty()) << result.op << ", " << result.path << ": " << result.failures.front();
}

// The launcher of the emulator, whose parameters `spoil` changes first.
template <auto kLauncher, class Params, auto kSpoil>
void spoil_launcher(DermisCudaEntries& entries) {
  static CudaLauncher<Params> whole;
  whole = entries.*kLauncher;
  entries.*kLauncher = [](const Params& params, void* stream) {
    Params spoilt = params;
    kSpoil(spoilt);
    return whole(spoilt, stream);
  };
}

void expect_noticed(const std::string& op, const DermisCudaEntries& entries) {
  size_t failures = 0;
  for (const SelftestResult& result : on_emulated_gpu(entries, 3, op)) failures += result.failures.size();
  EXPECT_GT(failures, 0U) << op;
}

TEST(selftest, notices_kernels_that_do_something_else) {
  const DermisCudaEntries right = testing::emulated_operator_entries();
  DermisCudaEntries entries = right;
  spoil_launcher<&DermisCudaEntries::sampling, SamplingParams, [](SamplingParams& p) { p.temperature *= 2; }>(entries);
  expect_noticed("sample_tokens", entries);
  entries = right;
  spoil_launcher<&DermisCudaEntries::row_sums, RowSumsParams, [](RowSumsParams& p) { p.scale *= 1.1F; }>(entries);
  expect_noticed("embed_tokens", entries);
  entries = right;
  spoil_launcher<&DermisCudaEntries::image_normalise, ImageNormaliseParams,
                 [](ImageNormaliseParams& p) { p.shift[2] = p.shift[1]; }>(entries);
  expect_noticed("image_normalise", entries);
}

// Parameters rounded to nearest instead of by chance.
TEST(selftest, notices_what_does_not_round_by_chance) {
  static CudaLauncher<AdamWParams> whole;
  DermisCudaEntries entries = testing::emulated_operator_entries();
  whole = entries.adamw;
  entries.adamw = [](const AdamWParams& params, void* stream) {
    auto* tensors = const_cast<AdamWTensorEntry*>(params.tensors);
    for (int64_t block = 0; block < params.blocks; ++block)
      tensors[params.tensor_of_block[block]].rounding = ParameterRounding::nearest;
    return whole(params, stream);
  };
  expect_noticed("adamw_step", entries);
}

// With 16-bit numbers on a GPU; what the kernel answers is not looked at.
TEST(selftest, decoding_steps_go_to_the_decode_kernel) {
  static int decodes, others, paged, in_window, of_several_tokens;
  decodes = others = paged = in_window = of_several_tokens = 0;
  DermisCudaEntries entries = testing::fake_entries();
  entries.attention_decode = [](ElementType, int, const AttentionDecodeParams<void>& p, void*) {
    paged += p.page_table != nullptr;
    in_window += p.window > 0;
    of_several_tokens += p.tokens > 1;
    return ++decodes, 0;
  };
  entries.attention_forward = [](ElementType, int, const AttentionForwardParams<void>&, void*) { return ++others, 0; };
  const testing::EmulatedGpu gpu(entries);
  run_selftest({.seed = 2, .count = 12, .only = "attention_decode"}, selftest_table(),
               {{"GPU bf16", at::kCPU, at::kBFloat16}});
  EXPECT_GE(decodes, 12);  // more where a failure is looked for in smaller cases
  EXPECT_EQ(others, 0);
  for (const int some : {paged, in_window, of_several_tokens}) EXPECT_TRUE(some > 0 && some < decodes) << some;
}

}  // namespace
}  // namespace dermis
