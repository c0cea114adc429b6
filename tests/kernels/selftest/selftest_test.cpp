#include "kernels/selftest/selftest.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace dermis {
namespace {

TEST(selftest, every_operator_is_within_its_limit_and_leaves_its_error_behind) {
  for (const SelftestResult& result : run_selftest({.seed = 3, .count = 2, .only = ""})) {
    EXPECT_TRUE(result.failures.empty()) << result.op << ": " << result.failures.front();
    EXPECT_EQ(result.cases, 2);
    EXPECT_GT(result.max_error, 0) << result.op << ": fp32 cannot agree with fp64 to the last bit";
    EXPECT_LE(result.rms_error, result.max_error);
  }
}

TEST(selftest, a_seed_repeats_its_cases) {
  const SelftestOptions options{.seed = 11, .count = 2, .only = "rope"};
  const auto first = run_selftest(options), second = run_selftest(options);
  ASSERT_EQ(first.size(), 1U);
  EXPECT_EQ(first[0].max_error, second[0].max_error);
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
