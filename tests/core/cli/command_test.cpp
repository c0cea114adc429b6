#include "core/cli/command.h"

#include <gtest/gtest.h>

#include "core/cli/parse.h"
#include "core/error.h"

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

}  // namespace
}  // namespace dermis
