#include "core/cli/command.h"

#include <gtest/gtest.h>

#include "core/cli/checks.h"
#include "core/cli/parse.h"
#include "core/error.h"
#include "core/process.h"

namespace dermis {
namespace {

using Words = std::vector<std::string>;

class CommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"data import", "data split", "eval"}) {
      table_.add({name, "does " + std::string(name), [this, name](const CommandTable&, const Words& arguments) {
                    ran_ = name;
                    arguments_ = arguments;
                    return 7;
                  }});
    }
  }
  ErrorInfo failure(const Words& words) {
    try {
      table_.run(words);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.info();
    }
    ADD_FAILURE() << "ran";
    return {};
  }
  CommandTable table_;
  std::string ran_;
  Words arguments_;
};

TEST_F(CommandTest, TwoWordsWinAndTheRestAreArguments) {
  EXPECT_EQ(table_.run({"data", "import", "isic", "DIR"}), 7);
  EXPECT_EQ(ran_, "data import");
  EXPECT_EQ(arguments_, (Words{"isic", "DIR"}));
  EXPECT_EQ(table_.run({"eval", "split"}), 7);
  EXPECT_EQ(ran_, "eval");
  EXPECT_EQ(arguments_, Words{"split"});
}

TEST_F(CommandTest, UnknownNamesOfferTheNearest) {
  EXPECT_NE(failure({"evl"}).fix.find("'dermis eval'"), std::string::npos);
  EXPECT_NE(failure({"data", "imprt"}).fix.find("'dermis data import'"), std::string::npos);
  EXPECT_NE(failure({"data"}).fix.find("--help"), std::string::npos);
  EXPECT_NE(failure({}).fix.find("--help"), std::string::npos);
}

TEST_F(CommandTest, AGroupListsItsVerbs) {
  const auto printed = [&](const Words& words) {
    ::testing::internal::CaptureStdout();
    EXPECT_EQ(table_.run(words), 0);
    return ::testing::internal::GetCapturedStdout();
  };
  for (const Words& words : {Words{"data", "--help"}, Words{"data", "-h"}, Words{"help", "data"}}) {
    const std::string text = printed(words);
    EXPECT_NE(text.find("data import"), std::string::npos);
    EXPECT_NE(text.find("data split"), std::string::npos);
    EXPECT_EQ(text.find("eval"), std::string::npos);
  }
  EXPECT_EQ(failure({"data"}).expected, "import, split");
  EXPECT_EQ(failure({"data", "imprt"}).expected, "import, split");
  EXPECT_NE(failure({"help", "evl"}).fix.find("'dermis eval'"), std::string::npos);
}

TEST_F(CommandTest, HelpBeforeACommandIsItsOwn) {
  EXPECT_EQ(table_.run({"help", "data", "split"}), 7);
  EXPECT_EQ(ran_, "data split");
  EXPECT_EQ(arguments_, Words{"--help"});
}

TEST_F(CommandTest, HelpListsAll) {
  for (const char* name : {"data import", "data split", "eval"}) {
    EXPECT_NE(table_.help().find(std::string("does ") + name), std::string::npos);
  }
}

TEST(ParseArguments, NamesTheOffendingOption) {
  CLI::App app("test", "eval");
  int seed = 0;
  std::vector<std::string> sets;
  app.add_option("--seed", seed);
  app.add_option("--set", sets);
  EXPECT_TRUE(parse_arguments(app, {"--seed", "3", "--set", "a.b=[1, 2]", "--set", "stages[0].lr=1"}));
  EXPECT_EQ(seed, 3);
  EXPECT_EQ(sets, (Words{"a.b=[1, 2]", "stages[0].lr=1"}));
  for (const Words& words : {Words{"--sed", "3"}, Words{"--sed=3"}}) {
    try {
      parse_arguments(app, words);
      ADD_FAILURE();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_NE(error.info().fix.find("'--seed'"), std::string::npos) << error.what();
    }
  }
  EXPECT_THROW(parse_arguments(app, {"--seed", "three"}), Error);
}

std::string refusal(const CLI::Validator& check, const std::string& text) {
  std::string copy = text;
  return check(copy);
}

TEST(Checks, SayWhatIsExpectedAndFound) {
  for (const char* good : {"0", "3", "0.5", "1e3"}) EXPECT_EQ(refusal(non_negative(), good), "") << good;
  EXPECT_EQ(refusal(non_negative(), "-1"), "expected a number, 0 or more, found '-1'");
  EXPECT_EQ(refusal(non_negative(), "abc"), "expected a number, 0 or more, found 'abc'");
  for (const char* bad : {"0", "-2", "", "5 ", "nan", "inf"}) EXPECT_NE(refusal(positive(), bad), "") << bad;
  EXPECT_EQ(refusal(positive(), "0.1"), "");
  EXPECT_EQ(refusal(thread_count(), "1"), "");
  EXPECT_EQ(refusal(thread_count(), std::to_string(most_threads())), "");
  EXPECT_NE(refusal(thread_count(), std::to_string(most_threads() + 1)).find("hardware threads"), std::string::npos);
  EXPECT_NE(refusal(thread_count(), "0"), "");
}

}  // namespace
}  // namespace dermis
