// dermis demo, every step of it, in miniature.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "core/io/read_file.h"
#include "tests/program/shell.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

testing::Outcome demo(const std::string& options) {
  return testing::run_shell(testing::program_file().string() + " demo " + options);
}

TEST(Demo, RunsFromPicturesToTheComparison) {
  const testing::TempFolder folder;
  const std::string options = "--minutes 0.1 --practice 100 --out " + (folder / "demo");
  const testing::Outcome outcome = demo(options);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  const fs::path out = folder.path() / "demo";
  for (const char* file :
       {"site/items.jsonl", "site_split/items.jsonl", "practice/items.jsonl", "practice_split/split.json",
        "practice_text/records.jsonl", "site_text/records.jsonl", "practice_shards/train/manifest.json",
        "site_shards/val/manifest.json", "site_shards/test/manifest.json", "tokenizer.model",
        "pretrain/model/model.safetensors", "finetune/model/model.safetensors", "scratch/model/model.safetensors",
        "finetune/eval/predictions.jsonl", "scratch/eval/predictions.jsonl", "finetune/eval/report.html",
        "scratch/eval/report.html", "finetune/eval/validation/predictions.jsonl", "compare.html"})
    EXPECT_TRUE(fs::exists(out / file)) << file;

  // Both arms, on the page and in the terminal, and what the one began from.
  const std::string page = read_file((out / "compare.html").string());
  EXPECT_THAT(page, AllOf(HasSubstr("without pretraining"), HasSubstr("with pretraining"),
                          HasSubstr("diagnosis_closed"), HasSubstr("start_share = 0.25")));
  EXPECT_THAT(outcome.output, AllOf(HasSubstr("from a quarter of the pretraining"), HasSubstr("start_share = 0.25"),
                                    HasSubstr("compare.html")));

  // The model that was pretrained has seen both sets, the other the site alone; neither has met its test.
  const auto stages = [&](const char* run) {
    return nlohmann::json::parse(read_file((out / run / "model/train_manifest.json").string())).at("stages").size();
  };
  EXPECT_EQ(stages("finetune"), 2U);
  EXPECT_EQ(stages("scratch"), 1U);
  for (const char* run : {"finetune", "scratch"}) {
    const auto metrics = nlohmann::json::parse(read_file((out / run / "eval/metrics.json").string()));
    EXPECT_EQ(metrics.at("origin").at("contamination").at("verdict"), "clean") << run;
    EXPECT_EQ(metrics.at("closed").size(), 2U) << run;
  }

  const testing::Outcome again = demo(options);
  EXPECT_EQ(again.exit_code, 0) << again.output;
  EXPECT_THAT(again.output, AllOf(HasSubstr("done before"), Not(HasSubstr("validation at step"))));
}

TEST(Demo, AFileInPlaceOfTheFolderIsADataError) {
  const testing::TempFolder folder;
  std::ofstream(folder / "file") << "x";
  const testing::Outcome outcome = demo("--out " + (folder / "file"));
  EXPECT_EQ(outcome.exit_code, 3) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr(folder / "file"));
}

}  // namespace
}  // namespace dermis
