#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "data/item.h"
#include "data/record.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

Json item_json() {
  return Json::parse(
      R"({"id":"A","image":"a.png","sha256":"","width":4,"height":3,"source":"s","licence":"","label":"nevus",
          "metadata":{"age":"55"},"differential":[{"label":"nevus","weight":0.75},{"label":"melanoma","weight":0.25}]})");
}

std::string item_error(const Json& json) {
  try {
    item_from_json(json, "items.jsonl:3");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_THAT(error.what(), HasSubstr("items.jsonl:3"));
    return error.what();
  }
  return "no error";
}

TEST(ItemJson, RoundTrip) {
  const Item item = item_from_json(item_json(), "here");
  EXPECT_EQ(item.metadata.at("age"), "55");
  EXPECT_EQ(item.differential[1], std::pair(std::string("melanoma"), 0.25));
  EXPECT_EQ(to_json(item_from_json(to_json(item), "again")), to_json(item));
}

TEST(ItemJson, EveryFaultIsNamed) {
  Json json = item_json();
  json.erase("label");
  EXPECT_THAT(item_error(json), HasSubstr("field label"));
  json = item_json();
  json["width"] = "4";
  EXPECT_THAT(item_error(json), HasSubstr("found: string \"4\""));
  json["width"] = -4;
  EXPECT_THAT(item_error(json), HasSubstr("field width"));
  json["width"] = 3e9;
  EXPECT_THAT(item_error(json), HasSubstr("field width"));
  json = item_json();
  json["licens"] = "x";
  EXPECT_THAT(item_error(json), HasSubstr("did you mean 'licence'"));
  json = item_json();
  json["split"] = "dev";
  EXPECT_THAT(item_error(json), HasSubstr("train, val, test"));
  json = item_json();
  json["metadata"]["sex"] = "NaN";
  EXPECT_THAT(item_error(json), HasSubstr("metadata.sex"));
  json["metadata"]["sex"] = 1;
  EXPECT_THAT(item_error(json), HasSubstr("metadata.sex"));
  json = item_json();
  json["id"] = "";
  EXPECT_THAT(item_error(json), HasSubstr("'id' is empty"));
  EXPECT_THAT(item_error(Json::array()), HasSubstr("not a JSON object"));
}

TEST(ItemsFile, RoundTripAndDuplicateIds) {
  const testing::TempFolder folder;
  const Item item = item_from_json(item_json(), "here");
  write_items(folder / "items.jsonl", {item});
  ASSERT_EQ(read_items(folder / "items.jsonl").size(), 1U);
  write_items(folder / "items.jsonl", {item, item});
  EXPECT_THROW(read_items(folder / "items.jsonl"), Error);
  std::ofstream(folder / "empty.jsonl") << "";
  EXPECT_THROW(read_items(folder / "empty.jsonl"), Error);
  EXPECT_THROW(read_items(folder / "absent.jsonl"), Error);
}

Json record_json() {
  return Json::parse(
      R"({"schema":1,"id":"A/diagnosis_closed/0","item":"A","sha256":"","source":"s","licence":"","label":"nevus",
          "question_type":"diagnosis_closed","seed":18446744073709551615,
          "turns":[{"question":"diagnosis?","answer":"nevus","options":["melanoma","nevus"]}],
          "checks":[{"check":"schema","passed":true,"score":0,"reason":""}]})");
}

TEST(RecordJson, RoundTrip) {
  const Record record = record_from_json(record_json(), "here");
  EXPECT_EQ(record.seed, ~uint64_t{0});
  EXPECT_EQ(record.turns[0].options.size(), 2U);
  EXPECT_EQ(to_json(record_from_json(to_json(record), "again")), to_json(record));
}

TEST(RecordJson, EveryFaultIsAnError) {
  const auto broken = [](const char* key, const Json& value) {
    Json json = record_json();
    json[key] = value;
    EXPECT_THROW(record_from_json(json, "here"), Error) << key;
  };
  broken("schema", 2);
  broken("id", "");
  broken("turns", Json::array());
  broken("turns", Json::parse(R"([{"question":"q"}])"));
  broken("weight", -1);
  broken("seed", -1);
  broken("checks", "passed");
  broken("unheard_of", 1);
}

}  // namespace
}  // namespace dermis
