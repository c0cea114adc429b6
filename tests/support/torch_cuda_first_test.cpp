// Whether the program looks for a CUDA driver before its first test: the linker tells what it is asked for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/program/shell.h"

namespace dermis::testing {
namespace {

using ::testing::HasSubstr;

TEST(LoadOfTorchCuda, OfATestThatAsksForNothing) {}

TEST(LoadOfTorchCuda, ComesBeforeTheFirstTest) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const Outcome outcome = run_shell("LD_DEBUG=libs '" + self + "' --gtest_filter=LoadOfTorchCuda.OfATest*");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.output, HasSubstr("find library=libcuda.so.1"));
}

}  // namespace
}  // namespace dermis::testing
