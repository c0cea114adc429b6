#include "data/shard/build_shards.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "core/io/atomic_file.h"
#include "core/io/hash.h"
#include "core/io/jsonl.h"
#include "data/image/encode.h"
#include "data/split/split.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

class BuildShards : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* splits[] = {"train", "train", "val", "test", "train"};
    for (int i = 0; i < 5; ++i) {
      const std::string id = "p" + std::to_string(i);
      Image image{60, 40, std::vector<uint8_t>(60 * 40 * 3, static_cast<uint8_t>(40 * i))};
      const auto bytes = encode_png(image);
      std::ofstream(temp_ / (id + ".png"), std::ios::binary)
          .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
      Item item;
      item.id = id;
      item.image = id + ".png";
      item.sha256 = sha256_of_file(temp_ / (id + ".png"));
      item.width = 60;
      item.height = 40;
      item.source = "practice";
      item.licence = "CC0-1.0";
      item.label = "nevus";
      item.split = splits[i];
      items_.push_back(item);
      if (i < 4) records_.push_back(record_of(item));  // the last has none
    }
    build_.items = temp_ / "items.jsonl";
    build_.records = temp_ / "records.jsonl";
    build_.out = temp_ / "shards";
    write();
  }
  static Record record_of(const Item& item) {
    Record record;
    record.id = item.id + "/q/0";
    record.item = item.id;
    record.sha256 = item.sha256;
    record.source = item.source;
    record.licence = item.licence;
    record.label = item.label;
    record.split = item.split;
    record.group = item.group;
    record.turns = {{"What?", "nevus", {}}};
    return record;
  }
  void write() {
    write_items(build_.items, items_);
    std::vector<nlohmann::ordered_json> lines;
    for (const auto& record : records_) lines.push_back(to_json(record));
    write_jsonl(build_.records, lines);
  }
  std::string message() {
    try {
      build_shards(build_);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  testing::TempFolder temp_;
  std::vector<Item> items_;
  std::vector<Record> records_;
  ShardBuild build_;
};

TEST_F(BuildShards, PutsEachSplitIntoItsFolder) {
  const auto report = build_shards(build_);
  ASSERT_EQ(report.written.size(), 3U);
  EXPECT_EQ(report.items_without_records, 1);
  EXPECT_EQ(ShardReader(build_.out + "/train").size(), 2);
  EXPECT_EQ(ShardReader(build_.out + "/val").manifest().split, "val");
  EXPECT_EQ(ShardReader(build_.out + "/test").manifest().licence, "CC0-1.0");
}

TEST_F(BuildShards, OneSplitOrAnyGoesIntoTheFolderItself) {
  build_.split = "train";
  const auto report = build_shards(build_);
  EXPECT_EQ(report.items_of_other_splits, 2);
  EXPECT_EQ(ShardReader(build_.out).size(), 2);
  EXPECT_THAT(message(), HasSubstr("exists already"));
  build_.replace = true;
  build_.split = "any";
  build_shards(build_);
  EXPECT_EQ(ShardReader(build_.out, true).size(), 4);
}

TEST_F(BuildShards, ShrinksAndSaysSo) {
  build_.max_side = 30;
  EXPECT_EQ(build_shards(build_).shrunk, 4);
  const ShardReader reader(build_.out + "/train");
  EXPECT_EQ(reader.manifest().max_side, 30);
  const auto sample = reader.read(0);
  EXPECT_EQ(sample.item.width, 30);
  EXPECT_EQ(sample.item.height, 20);
  EXPECT_EQ(sample.item.sha256, items_[0].sha256);  // of the original
}

TEST_F(BuildShards, NamesWhatDoesNotFit) {
  build_.split = "training";
  EXPECT_THAT(message(), HasSubstr("unknown split"));
  build_.split = "all";
  records_[1].item = "elsewhere";
  write();
  EXPECT_THAT(message(), HasSubstr("records.jsonl:2"));
  records_[1] = record_of(items_[1]);
  records_[1].sha256 = std::string(64, '1');
  write();
  EXPECT_THAT(message(), HasSubstr("another picture"));
  records_[1] = records_[0];
  write();
  EXPECT_THAT(message(), HasSubstr("duplicate record id"));
  records_[1] = record_of(items_[1]);
  items_[0].split = records_[0].split = "";
  write();
  EXPECT_THAT(message(), HasSubstr("no split"));
  items_[0].split = records_[0].split = "train";
  write();
  std::ofstream(temp_ / "p0.png", std::ios::app) << "x";
  EXPECT_THAT(message(), HasSubstr("has changed since"));
  fs::remove(temp_ / "p0.png");
  EXPECT_THAT(message(), HasSubstr("p0.png"));
  records_.clear();
  write();
  EXPECT_NE(message(), "no error");
  EXPECT_FALSE(fs::exists(build_.out));
}

TEST_F(BuildShards, RecordsOfAnOldSplitAreRefused) {
  items_[1].split = "test";  // split again, records not made again
  write();
  EXPECT_THAT(message(), AllOf(HasSubstr("another split"), HasSubstr("records.jsonl:2"), HasSubstr("p1/q/0"),
                               HasSubstr("items.jsonl"), HasSubstr("data synth")));
  items_[1].split = "train";
  items_[2].group = "g7";
  write();
  EXPECT_THAT(message(), AllOf(HasSubstr("records.jsonl:3"), HasSubstr("field group"), HasSubstr("g7")));
  EXPECT_FALSE(fs::exists(build_.out));
}

TEST_F(BuildShards, ItemsMustBeThoseOfTheSplitBesideThem) {
  SplitReport report;
  report.checksum = split_checksum(items_);
  write_file_atomically(temp_ / "split.json", to_json(report, items_).dump());
  items_.pop_back();  // the one without records
  write();
  EXPECT_THAT(message(), AllOf(HasSubstr("frozen split"), HasSubstr("split.json")));
  report.checksum = split_checksum(items_);
  write_file_atomically(temp_ / "split.json", to_json(report, items_).dump());
  EXPECT_EQ(message(), "no error");
}

}  // namespace
}  // namespace dermis
