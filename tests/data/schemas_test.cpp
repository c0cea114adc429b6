// The JSON files that stages leave follow docs/schemas. Items and records: tests/data/synth.
#include <gtest/gtest.h>

#include "core/io/read_file.h"
#include "data/shard/shard.h"
#include "data/split/split.h"
#include "tests/data/synth/json_schema.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using nlohmann::json;

json schema_named(const std::string& name) {
  return json::parse(read_file((testing::source_folder() / "docs/schemas" / (name + ".schema.json")).string()));
}

std::vector<Item> few_items() {
  std::vector<Item> items;
  for (int i = 0; i < 12; ++i) {
    Item item;
    item.id = "i" + std::to_string(i);
    item.image = item.id + ".png";
    item.sha256 = std::string(63, '0') + "0123456789ab"[i];
    item.source = "practice";
    item.licence = "CC0-1.0";
    item.label = i % 2 == 0 ? "nevus" : "melanoma";
    item.split = i < 8 ? "train" : i < 10 ? "val" : "test";
    items.push_back(item);
  }
  items[11].patient = items[0].patient = "p";  // a leak
  return items;
}

TEST(Schemas, SplitManifest) {
  SplitOptions options;
  options.keep_official = options.fix_leaks = true;
  const SplitResult result = split_items(few_items(), options);
  ASSERT_EQ(result.report.leaks.size(), 1U);
  ASSERT_EQ(result.report.removed.size(), 1U);
  const json split = json::parse(to_json(result.report, result.items).dump());
  const json schema = schema_named("split");
  EXPECT_EQ(testing::schema_problem(split, schema), "");
  json broken = split;
  broken["leaks"][0]["splits"] = {"train"};
  EXPECT_EQ(testing::schema_problem(broken, schema), "$.leaks[0].splits breaks minItems");
}

TEST(Schemas, ShardManifestAndSample) {
  const testing::TempFolder folder;
  ShardWriter writer(folder / "shards", 1 << 20);
  for (const Item& item : few_items()) {
    Record record;
    record.id = item.id + "/diagnosis_closed/0";
    record.item = item.id;
    record.sha256 = item.sha256;
    record.source = item.source;
    record.licence = item.licence;
    record.label = item.label;
    record.question_type = "diagnosis_closed";
    record.turns = {{"diagnosis?", "nevus", {"melanoma", "nevus"}}};
    writer.add({item.id, item, {record}, "png", {1, 2, 3}});
  }
  ShardManifest facts;
  facts.split = "train";
  facts.field_digest = std::string(64, 'f');
  writer.finish(facts);

  const json manifest = json::parse(read_file(folder / "shards/manifest.json"));
  EXPECT_EQ(testing::schema_problem(manifest, schema_named("manifest")), "");
  for (const auto& [field, value] : manifest.items()) {
    EXPECT_TRUE(schema_named("manifest")["properties"].contains(field)) << field << " is not in the schema";
  }
  json broken = manifest;
  broken["fingerprint"] = "0";
  EXPECT_EQ(testing::schema_problem(broken, schema_named("manifest")), "$.fingerprint breaks pattern");

  const std::string tar = read_file(folder / "shards/shard-000000.tar");
  const size_t begin = tar.find("{\"schema\"");
  const json sample = json::parse(tar.substr(begin, tar.find('\0', begin) - begin));
  EXPECT_EQ(testing::schema_problem(sample, schema_named("sample")), "");
  EXPECT_EQ(testing::schema_problem(sample["item"], schema_named("item")), "");
  ASSERT_EQ(sample["records"].size(), 1U);
  EXPECT_EQ(testing::schema_problem(sample["records"][0], schema_named("record")), "");
}

}  // namespace
}  // namespace dermis
