// The shipped program as a user meets it: help, wrong words, exit codes, and the reference page in docs/.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <string>

#include "tests/program/shell.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using ::testing::HasSubstr;

using testing::Outcome;

Outcome run_dermis(const std::string& arguments) {
  return testing::run_shell(testing::program_file().string() + " " + arguments);
}

TEST(Program, HelpListsCommandsAndExitCodes) {
  const Outcome outcome = run_dermis("--help");
  EXPECT_EQ(outcome.exit_code, 0);
  for (const char* command :
       {"data import", "data synth", "train", "eval", "ask", "demo", "doctor", "bench attention"}) {
    EXPECT_THAT(outcome.output, HasSubstr(command));
  }
  EXPECT_THAT(outcome.output, HasSubstr("Exit codes"));
}

TEST(Program, VersionNamesTheBuild) {
  const Outcome outcome = run_dermis("--version");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.output, ::testing::StartsWith("dermis 0."));
}

TEST(Program, DoctorFollowsTheChoiceOfGpuOperators) {
  setenv("DERMIS_GPU_OPERATORS", "libtorch", 1);
  EXPECT_THAT(run_dermis("doctor").output, HasSubstr("LibTorch operators (chosen)"));
  setenv("DERMIS_GPU_OPERATORS", "cublas", 1);
  const Outcome outcome = run_dermis("doctor");
  unsetenv("DERMIS_GPU_OPERATORS");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.output, HasSubstr("own or libtorch"));
}

TEST(Program, UnknownCommandNamesTheNearest) {
  const Outcome outcome = run_dermis("evla model shards");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.output, HasSubstr("did you mean 'dermis eval'?"));
}

TEST(Program, UnknownOptionNamesTheNearest) {
  const Outcome outcome = run_dermis("eval model shards --vews 3");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.output, HasSubstr("--views"));
}

TEST(Program, MissingModelIsADataError) {
  const Outcome outcome = run_dermis("ask no-such-model no-such.jpg question");
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.output, HasSubstr("no-such-model"));
  EXPECT_THAT(outcome.output, HasSubstr("fix:"));
}

TEST(Program, ReferencePageIsInStep) {
  const Outcome outcome = run_dermis("help --markdown");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  std::ifstream file(testing::source_folder() / "docs/cli.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(page, outcome.output) << "write it anew: build/release/dermis help --markdown > docs/cli.md";
}

TEST(Program, RecipeKeysInTheGuideAreInStep) {
  const Outcome outcome = run_dermis("config print --reference");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  std::ifstream file(testing::source_folder() / "docs/recipes.md");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(page, HasSubstr(outcome.output)) << "the table at the end is made by: dermis config print --reference";
}

}  // namespace
}  // namespace dermis
