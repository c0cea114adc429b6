// The shipped program as a user meets it: help, wrong words, exit codes, and the reference page in docs/.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
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

// Standard output and standard error apart: `command` redirects them itself.
TEST(Program, OutputThatCannotBeWrittenIsAnError) {
  for (const char* arguments : {"--help", "config print pretrain", "help --markdown", "train --help"}) {
    const Outcome outcome = testing::run_shell("exec 2>&1; " + testing::program_file().string() + " " + arguments +
                                               " > /dev/full; exit $?;");
    EXPECT_EQ(outcome.exit_code, 3) << arguments;
    EXPECT_THAT(outcome.output, HasSubstr("standard output")) << arguments;
    EXPECT_THAT(outcome.output, HasSubstr("No space left on device")) << arguments;
  }
}

TEST(Program, AReaderThatLeavesIsNoError) {
  for (const char* trap : {"", "trap '' PIPE; "}) {  // with the signal of a closed pipe, and with an error instead
    const Outcome outcome = testing::run_shell(std::string("exec 2>&1; ") + trap + "(sleep 0.2; " +
                                               testing::program_file().string() + " --help) | true;");
    EXPECT_EQ(outcome.output, "") << trap;
  }
}

TEST(Program, GroupsListTheirVerbs) {
  for (const char* words : {"data --help", "help data", "bench -h", "help bench"}) {
    const Outcome outcome = run_dermis(words);
    EXPECT_EQ(outcome.exit_code, 0) << words;
    EXPECT_THAT(outcome.output, HasSubstr("VERB")) << words;
  }
  const Outcome bare = run_dermis("bench");
  EXPECT_EQ(bare.exit_code, 2);
  EXPECT_THAT(bare.output, HasSubstr("attention, data, operators, train"));
  EXPECT_THAT(run_dermis("help eval").output, HasSubstr("Usage: eval"));
}

TEST(Program, NumbersOutOfRangeAreExplainedShortly) {
  const Outcome outcome = run_dermis("eval model shards --limit abc");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.output, HasSubstr("--limit: expected a number, 0 or more, found 'abc'"));
}

TEST(Program, WhatTheFileSystemRefusesIsADataError) {
  const Outcome outcome = run_dermis("config print " + std::string(300, 'x'));
  EXPECT_EQ(outcome.exit_code, 3);
  EXPECT_THAT(outcome.output, HasSubstr("File name too long"));
  EXPECT_THAT(outcome.output, HasSubstr("xxx"));
}

TEST(Program, BenchmarksCheckTheirFoldersFirst) {
  const Outcome attention = run_dermis("bench attention --device cpu --quick --size nano --out /dev/null/out");
  EXPECT_EQ(attention.exit_code, 3);
  EXPECT_THAT(attention.output, HasSubstr("/dev/null/out"));
  EXPECT_THAT(attention.output, ::testing::Not(HasSubstr("ratio")));
  const Outcome data = run_dermis("bench data --real /nonexistent");
  EXPECT_EQ(data.exit_code, 3);
  EXPECT_THAT(data.output, HasSubstr("--real"));
}

// Texts of made-up words, as many as SentencePiece needs many seconds for: whatever the program does when the signal
// comes, it stops.
TEST(Program, CtrlCStopsTheTrainingOfATokenizer) {
  const testing::TempFolder folder;
  std::ofstream records(folder / "records.jsonl");
  uint32_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    std::string text;
    for (int letter = 0; letter < 120; ++letter) {
      state = state * 1664525U + 1013904223U;
      text += letter % 8 == 7 ? ' ' : static_cast<char>('a' + (state >> 24U) % 26U);
    }
    const std::string id = std::to_string(i);
    records << R"({"schema":1,"id":")" << id << R"(","item":")" << id
            << R"(","sha256":"0","source":"s","licence":"CC0-1.0","label":"l","question_type":"made_up","turns":[{)"
            << R"("question":")" << text << R"(","answer":"yes"}]})"
            << "\n";
  }
  records.close();
  const std::string out = folder / "tokenizer.model";
  const Outcome outcome = testing::run_shell("exec 2>&1; " + testing::program_file().string() + " tokenizer train " +
                                             (folder / "records.jsonl") + " --vocabulary 30000 --out " + out +
                                             " & sleep 1.5; kill -INT $!; wait $!; exit $?;");
  EXPECT_EQ(outcome.exit_code, 130) << outcome.output;
  EXPECT_THAT(outcome.output, ::testing::HasSubstr("dermis: interrupted; nothing was written"));
  EXPECT_FALSE(std::filesystem::exists(out));
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
