#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <functional>

#include "core/error.h"
#include "core/interrupt.h"
#include "data/image/encode.h"
#include "data/inspect/shard_check.h"
#include "data/inspect/shard_stats.h"
#include "data/inspect/stats_page.h"
#include "data/inspect/token_rows.h"
#include "data/shard/shard.h"
#include "data/text/train_tokenizer.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using ::testing::HasSubstr;

class Inspect : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(temp_ / "tokenizer.model", std::ios::binary)
        << train_tokenizer({"What lesion is it?", "nevus melanoma"}, 300).model;
  }
  static ShardSample sample(const std::string& id, const std::string& label) {
    ShardSample made;
    made.item.id = id;
    made.item.image = id + ".png";
    made.item.sha256 = std::string(64, '0');
    made.item.source = "practice";
    made.item.licence = "CC0-1.0";
    made.item.label = label;
    made.item.width = 12;
    made.item.height = 8;
    made.extension = "png";
    made.image = encode_png({12, 8, std::vector<uint8_t>(12 * 8 * 3, 90)});
    Record record;
    record.id = id + "/diagnosis/0";
    record.item = id;
    record.sha256 = made.item.sha256;
    record.source = "practice";
    record.licence = "CC0-1.0";
    record.label = label;
    record.question_type = "diagnosis";
    record.strata = {{"sex", "female"}};
    record.turns = {{"What lesion is it?", label, {"melanoma", "nevus"}}};
    made.records = {record};
    return made;
  }
  std::string write(const std::vector<ShardSample>& samples, const std::string& split = "") {
    const std::string folder = temp_ / ("s" + std::to_string(count_++));
    ShardWriter writer(folder, 1 << 20);
    for (const auto& one : samples) writer.add(one);
    ShardManifest facts;
    facts.split = split;
    facts.field = "dermatology";
    writer.finish(facts);
    return folder;
  }
  Tokenizer tokenizer() const { return Tokenizer::load(temp_ / "tokenizer.model"); }

  testing::TempFolder temp_;
  int count_ = 0;
};

TEST_F(Inspect, CheckIsSilentAboutSoundShards) {
  const auto words = tokenizer();
  ShardCheckOptions options;
  options.tokenizer = &words;
  const auto check = check_shards({write({sample("a", "nevus"), sample("b", "melanoma")})}, options);
  EXPECT_TRUE(check.findings.empty());
  EXPECT_EQ(check.samples, 2);
  EXPECT_GT(check.longest_tokens, 64);
}

TEST_F(Inspect, CheckFindsEachKindOfDefect) {
  auto empty = sample("a", "nevus"), placeholder = sample("b", "nevus"), option = sample("c", "nevus"),
       size = sample("d", "nevus"), label = sample("e", "nevus"), picture = sample("f", "nevus"),
       weight = sample("g", "nevus"), image_word = sample("h", "nevus"), none = sample("i", "nevus");
  empty.records[0].turns[0] = {"What?", " \n", {}};
  placeholder.records[0].turns[0].question = "What is on the {site}?";
  option.records[0].turns[0].answer = "wart";
  size.item.width = 13;
  label.records[0].label = "melanoma";
  picture.image.resize(picture.image.size() / 2);
  weight.records[0].weight = 0;
  image_word.records[0].turns[0].question = "<image> what?";
  none.records.clear();
  const auto folder = write({empty, placeholder, option, size, label, picture, weight, image_word, none});
  const auto words = tokenizer();
  ShardCheckOptions options;
  options.tokenizer = &words;
  options.max_tokens = 66;
  const auto counts = check_shards({folder}, options).count_by_kind();
  EXPECT_EQ(counts.at("empty answer"), 1);
  EXPECT_EQ(counts.at("placeholder"), 2);
  EXPECT_EQ(counts.at("options"), 1);
  EXPECT_EQ(counts.at("picture"), 2);
  EXPECT_EQ(counts.at("label"), 1);
  EXPECT_EQ(counts.at("weight"), 1);
  EXPECT_EQ(counts.at("no records"), 1);
  EXPECT_EQ(counts.at("too long"), 8);
  EXPECT_EQ(check_shards({folder, folder}, {}).count_by_kind().at("duplicate"), 8);
}

TEST_F(Inspect, CheckFindsRecordsOfAnotherSplit) {
  auto sound = sample("a", "nevus"), split = sample("b", "nevus"), group = sample("c", "nevus");
  for (auto* one : {&sound, &split, &group}) {
    one->item.split = one->records[0].split = "test";
    one->item.group = one->records[0].group = "g1";
  }
  split.records[0].split = "train";
  group.records[0].group = "g2";
  const auto check = check_shards({write({sound, split, group}, "test")}, {});
  ASSERT_EQ(check.count_by_kind(), (std::map<std::string, int64_t>{{"split", 2}}));
  EXPECT_THAT(check.findings[0].where, HasSubstr("b/diagnosis/0"));
  EXPECT_THAT(check.findings[0].what, HasSubstr("data synth"));
  EXPECT_THAT(check.findings[1].where, HasSubstr("c/diagnosis/0"));
  EXPECT_EQ(check_shards({write({sound}, "val")}, {}).count_by_kind().at("split"), 1);  // the folder's side
}

TEST_F(Inspect, CheckHoldsAnswersAgainstTheKnownPicture) {
  auto sound = sample("a", "nevus"), wrong = sample("b", "nevus"), unknown = sample("c", "nevus");
  for (auto* one : {&sound, &wrong, &unknown}) {
    one->records[0].question_type = "observational_overview";
    one->records[0].turns = {{"What does it look like?", "A nevus with an irregular border.", {}}};
  }
  sound.item.metadata["border"] = "irregular";
  wrong.item.metadata["border"] = "smooth";
  const auto folder = write({sound, wrong, unknown});
  const FieldPack pack = load_field_pack("dermatology");
  ShardCheckOptions options;
  options.pack = &pack;
  const auto check = check_shards({folder}, options);
  ASSERT_EQ(check.findings.size(), 1U);
  EXPECT_EQ(check.findings[0].kind, "contradiction");
  EXPECT_THAT(check.findings[0].where, HasSubstr("b/diagnosis/0"));
  EXPECT_THAT(check.findings[0].what, HasSubstr("'irregular', the item has 'smooth' as its border"));
}

TEST_F(Inspect, CheckNamesDamage) {
  const auto folder = write({sample("a", "nevus"), sample("b", "nevus")});
  std::fstream file(folder + "/shard-000000.tar", std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(512 + 20);
  file << "xxxx";
  file.close();
  const auto check = check_shards({folder, temp_ / "absent"}, {});
  std::string all;
  for (const auto& finding : check.findings) all += finding.kind + " " + finding.where + "\n";
  EXPECT_THAT(all, HasSubstr("a.png"));
  EXPECT_THAT(all, HasSubstr("absent"));
}

// In a process of its own: a signal is never forgotten.
TEST_F(Inspect, CtrlCStopsCheckAndStats) {
  const auto folder = write({sample("a", "nevus"), sample("b", "melanoma")});
  const auto exit_code_of = [](const std::function<void()>& action) {
    install_interrupt_handler();
    std::raise(SIGINT);
    try {
      action();
    } catch (const Error& error) {
      std::_Exit(exit_code(error.kind()));
    }
    std::_Exit(0);
  };
  EXPECT_EXIT(exit_code_of([&] { check_shards({folder}, {}); }), ::testing::ExitedWithCode(130), "");
  EXPECT_EXIT(exit_code_of([&] { count_shards({folder}, nullptr); }), ::testing::ExitedWithCode(130), "");
}

TEST_F(Inspect, RowsShowWhatTheLossSees) {
  const auto words = tokenizer();
  PromptFormat prompt;
  prompt.tokens_per_image = 3;
  prompt.image_token = 4;
  Record record = sample("a", "nevus").records[0];
  record.turns = {{"What lesion?", "nevus", {}}, {"is it?", "melanoma", {}}};
  const auto runs = token_runs(record, words, prompt);
  ASSERT_EQ(runs.size(), 5U);
  EXPECT_EQ(runs[0].tokens, 3);
  EXPECT_EQ(runs[1].text, "<bos>What lesion?\n");
  EXPECT_EQ(runs[2].text, "nevus<eos>");
  EXPECT_EQ(runs[2].kind, TokenRun::Kind::learned);
  EXPECT_EQ(runs[3].text, "is it?\n");
  EXPECT_EQ(runs[4].text, "melanoma<eos>");
  EXPECT_EQ(runs_text(runs, false),
            "[3 x image]<bos>What lesion?\xE2\x86\xB5\xC2\xABnevus<eos>\xC2\xBBis it?"
            "\xE2\x86\xB5\xC2\xABmelanoma<eos>\xC2\xBB");
  EXPECT_THAT(runs_text(runs, true), HasSubstr("\x1b[1;32mnevus<eos>\x1b[0m"));
}

TEST_F(Inspect, StatsCount) {
  auto nasty = sample("c", "nevus");
  nasty.records[0].strata["site"] = "<script>";
  const auto stats = count_shards({write({sample("a", "nevus"), sample("b", "melanoma")}), write({nasty})}, nullptr);
  EXPECT_EQ(stats.pictures, (std::vector<int64_t>{2, 1}));
  EXPECT_EQ(stats.labels.at("nevus"), (std::vector<int64_t>{1, 1}));
  EXPECT_EQ(stats.strata.at("sex").at("female").at("nevus"), 2);
  EXPECT_EQ(stats.closed_answers.at("diagnosis").at("melanoma"), 1);
  EXPECT_EQ(stats.question_words.at("what").at("lesion"), 3);
  EXPECT_EQ(stats.question_tokens, (std::vector<int>{4, 4, 4}));
  EXPECT_EQ(stats.licence, "CC0-1.0");
  const auto page = stats_page(stats);
  EXPECT_THAT(page, HasSubstr("&lt;script&gt;"));
  EXPECT_EQ(page.find("<script>"), std::string::npos);
  EXPECT_EQ(page.find("http"), std::string::npos);  // self-contained
  EXPECT_THAT(page, HasSubstr("data:image/jpeg;base64,/9j/"));
}

}  // namespace
}  // namespace dermis
