#include "kernels/selftest/selftest.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/error.h"

namespace dermis {
namespace {

TEST(selftest, every_operator_is_within_its_limit_and_leaves_its_error_behind) {
  for (const SelftestResult& result : run_selftest({.seed = 3, .count = 2, .only = ""})) {
    EXPECT_TRUE(result.failures.empty()) << result.op << ", " << result.path << ": " << result.failures.front();
    EXPECT_LE(result.cases, 2);
    EXPECT_GT(result.max_error, 0) << result.op << ": fewer digits cannot agree with fp64 to the last bit";
    EXPECT_LE(result.rms_error, result.max_error);
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

}  // namespace
}  // namespace dermis
