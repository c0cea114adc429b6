// What the commands do with a folder that holds a result already, and what they leave when they fail.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "core/error.h"
#include "core/io/jsonl.h"
#include "core/io/read_file.h"
#include "data/cmd/verbs.h"
#include "tests/data/sources/source_folder.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::write_picture;

class Results : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 24; ++i) {
      write_picture(
          folder_ / std::string("source/") + (i % 2 == 0 ? "nevus/" : "melanoma/") + std::to_string(i) + ".png", i);
    }
    EXPECT_EQ(import({}), "");
  }
  template <typename Verb>
  std::string error_of(const Verb& verb, std::vector<std::string> words, const std::vector<std::string>& more) {
    words.insert(words.end(), more.begin(), more.end());
    ::testing::internal::CaptureStdout();
    std::string message;
    try {
      verb(CommandTable(), words);
    } catch (const Error& error) {
      message = error.what();
    }
    ::testing::internal::GetCapturedStdout();
    return message;
  }
  std::string import(const std::vector<std::string>& more) {
    return error_of(run_data_import, {"folder", folder_ / "source", "--out", folder_ / "items"}, more);
  }
  std::string split(const std::string& out, const std::vector<std::string>& more = {}) {
    return error_of(run_data_split, {folder_ / "items/items.jsonl", "--out", folder_ / out}, more);
  }
  std::string synth(const std::vector<std::string>& more) {
    return error_of(run_data_synth, {folder_ / "split/items.jsonl", "--out", folder_ / "text"}, more);
  }
  std::vector<std::string> names_in(const std::string& name) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_ / name)) names.push_back(entry.path().filename());
    std::sort(names.begin(), names.end());
    return names;
  }

  testing::TempFolder folder_;
};

TEST_F(Results, ImportIsNotWrittenOverUnasked) {
  const std::string before = read_file(folder_ / "items/items.jsonl");
  EXPECT_THAT(import({"--limit", "5"}), AllOf(HasSubstr("items/items.jsonl"), HasSubstr("--replace")));
  EXPECT_EQ(read_file(folder_ / "items/items.jsonl"), before);
  EXPECT_EQ(import({"--limit", "5", "--replace"}), "");
  EXPECT_EQ(read_jsonl(folder_ / "items/items.jsonl").size(), 5U);
}

TEST_F(Results, SplitReplacesNeitherItsInputNorAFrozenSplit) {
  const std::string before = read_file(folder_ / "items/items.jsonl");
  EXPECT_THAT(split("items"), AllOf(HasSubstr("items/items.jsonl"), HasSubstr("--replace")));
  EXPECT_EQ(read_file(folder_ / "items/items.jsonl"), before);
  EXPECT_EQ(split("split"), "");
  const std::string frozen = read_file(folder_ / "split/split.json");
  EXPECT_THAT(split("split", {"--seed", "7"}), HasSubstr("holds a result already"));
  EXPECT_EQ(read_file(folder_ / "split/split.json"), frozen);
  EXPECT_EQ(split("split", {"--seed", "7", "--replace"}), "");
  EXPECT_NE(read_file(folder_ / "split/split.json"), frozen);
  EXPECT_EQ(names_in("split"), (std::vector<std::string>{"items.jsonl", "split.json", "split_report.txt"}));
}

TEST_F(Results, SynthRepeatsItsOwnRunAndRefusesAnother) {
  ASSERT_EQ(split("split"), "");
  EXPECT_EQ(synth({}), "");
  const std::string records = read_file(folder_ / "text/records.jsonl");
  EXPECT_EQ(synth({}), "");
  EXPECT_EQ(read_file(folder_ / "text/records.jsonl"), records);
  EXPECT_THAT(synth({"--style", "full"}), AllOf(HasSubstr("records of another run"), HasSubstr("--replace")));
  EXPECT_EQ(read_file(folder_ / "text/records.jsonl"), records);
  ASSERT_EQ(split("split", {"--seed", "7", "--replace"}), "");  // the same questions, but other sides
  EXPECT_THAT(synth({}), HasSubstr("records of another run"));
  EXPECT_EQ(synth({"--replace"}), "");
  EXPECT_NE(read_file(folder_ / "text/records.jsonl"), records);
}

TEST_F(Results, AFailedStartLeavesNoFolder) {
  EXPECT_NE(error_of(run_data_import, {"folder", folder_ / "nowhere", "--out", folder_ / "new/deep"}, {}), "");
  EXPECT_NE(error_of(run_data_split, {folder_ / "nowhere.jsonl", "--out", folder_ / "new/deep"}, {}), "");
  EXPECT_NE(split("new/deep", {"--val", "0.6", "--test", "0.6"}), "");
  ASSERT_EQ(split("split"), "");
  EXPECT_NE(error_of(run_data_synth,
                     {folder_ / "split/items.jsonl", "--out", folder_ / "new/deep", "--types", "sex_closed"}, {}),
            "");
  EXPECT_FALSE(fs::exists(folder_ / "new"));
  testing::write_text(folder_ / "file", "");
  EXPECT_THAT(split("file/below"), HasSubstr("file/below"));
}

TEST_F(Results, AFullDiskLeavesNothingOrWhatStoodThere) {
  {
    const testing::FileSizeLimit full(2000);  // the report would fit
    EXPECT_NE(split("split"), "");
  }
  EXPECT_FALSE(fs::exists(folder_ / "split"));
  ASSERT_EQ(split("split"), "");
  const auto names = names_in("split");
  const std::string frozen = read_file(folder_ / "split/split.json");
  {
    const testing::FileSizeLimit full(fs::file_size(folder_ / "split/items.jsonl") - 1);  // the other two fit
    EXPECT_NE(split("split", {"--seed", "7", "--replace"}), "");
  }
  EXPECT_EQ(names_in("split"), names);
  EXPECT_EQ(read_file(folder_ / "split/split.json"), frozen);
}

TEST_F(Results, TestOneMakesATestSet) {
  EXPECT_EQ(split("split", {"--test", "1"}), "");
  for (const auto& json : read_jsonl(folder_ / "split/items.jsonl")) EXPECT_EQ(json.at("split"), "test");
}

TEST_F(Results, SynthNamesTheOptionAtFault) {
  ASSERT_EQ(split("split"), "");
  EXPECT_THAT(synth({"--splits", "tran"}),
              AllOf(HasSubstr("--splits"), HasSubstr("train, val or test"), HasSubstr("'train'")));
  EXPECT_THAT(synth({"--splits", "foo"}), AllOf(HasSubstr("--splits"), HasSubstr("train, val or test")));
  EXPECT_THAT(synth({"--types", "diagnosis_close"}),
              AllOf(HasSubstr("--types"), HasSubstr("did you mean 'diagnosis_closed'")));
}

}  // namespace
}  // namespace dermis
