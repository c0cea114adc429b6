#include "data/synth/synth.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>

#include "core/error.h"
#include "core/io/jsonl.h"
#include "core/io/read_file.h"
#include "core/random.h"
#include "data/fields/grammar.h"
#include "data/fields/text.h"
#include "data/generate/practice_set.h"
#include "data/synth/prompt.h"
#include "data/synth/template_teacher.h"
#include "tests/data/synth/json_schema.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TempFolder;

const FieldPack& pack() {
  static const FieldPack kPack = load_field_pack("dermatology");
  return kPack;
}

std::vector<Item> some_items(size_t count = 60) {
  const std::vector<std::string> labels{"melanoma", "nevus", "seborrheic_keratosis"};
  const std::vector<std::string> borders{"irregular", "smooth"};
  std::vector<Item> items;
  for (size_t i = 0; i < count; ++i) {
    Item item;
    item.id = "P" + std::to_string(i);
    item.image = item.id + ".png";
    item.sha256 = std::string(64, static_cast<char>('a' + i % 6));
    item.phash = std::string(16, '0');
    item.width = item.height = 64;
    item.source = i % 2 == 0 ? "practice" : "isic2017";
    item.licence = "CC0-1.0";
    item.label = labels[i % 3];
    item.split = "train";
    if (i % 4 != 0) item.metadata["age"] = std::to_string(20 + i % 70);
    if (i % 5 != 0) item.metadata["sex"] = i % 2 == 0 ? "female" : "male";
    if (i % 2 == 0) item.metadata["border"] = borders[i % 4 / 2];
    if (i % 2 == 0) item.metadata["colours"] = i % 4 == 0 ? "black, light brown" : "red";
    items.push_back(item);
  }
  return items;
}

SynthReport run(const std::vector<Item>& items, const std::string& out, const SynthPlan& plan, int threads = 2) {
  const auto teacher = make_template_teacher(pack());
  return synthesise(items, pack(), *teacher, {.out = out, .plan = plan, .threads = threads});
}

std::vector<Record> records_in(const std::string& folder) {
  std::vector<Record> records;
  for_each_jsonl(folder + "/records.jsonl",
                 [&](const JsonlLine& line) { records.push_back(record_from_json(line.json, line.where)); });
  return records;
}

TEST(Synth, CountsReconcileAndRecordsFollowTheSchema) {
  const TempFolder folder;
  SynthPlan plan = default_plan("full");
  plan.questions_per_item = 4;
  const SynthReport report = run(some_items(), folder / "out", plan);
  int64_t sum = report.accepted + report.failed;
  for (const auto& [check, count] : report.rejected) sum += count;
  EXPECT_EQ(report.planned, sum);
  EXPECT_EQ(report.failed, 0);
  EXPECT_GT(report.accepted, report.planned * 8 / 10);
  const auto schema =
      nlohmann::json::parse(read_file((testing::source_folder() / "docs/schemas/record.schema.json").string()));
  int64_t lines = 0;
  for (const auto& json : read_jsonl(folder / "out/records.jsonl")) {
    EXPECT_EQ(testing::schema_problem(nlohmann::json::parse(json.dump()), schema), "");
    EXPECT_EQ(to_json(record_from_json(json, "line")).dump(), json.dump());
    ++lines;
  }
  EXPECT_EQ(lines, report.accepted);
}

TEST(Synth, ItemsFollowTheirSchema) {
  const auto schema =
      nlohmann::json::parse(read_file((testing::source_folder() / "docs/schemas/item.schema.json").string()));
  for (const Item& item : some_items(6)) {
    const auto json = to_json(item);
    EXPECT_EQ(testing::schema_problem(nlohmann::json::parse(json.dump()), schema), "");
    EXPECT_EQ(to_json(item_from_json(json, "line")).dump(), json.dump());
  }
  auto broken = nlohmann::json::parse(to_json(some_items(1)[0]).dump());
  broken["width"] = "64";
  EXPECT_EQ(testing::schema_problem(broken, schema), "$.width is not of type integer");
}

TEST(Synth, ShortClosedQuestionsAreShort) {
  const TempFolder folder;
  SynthPlan plan = default_plan("short");
  plan.questions_per_item = 0;
  run(some_items(), folder / "out", plan);
  std::set<std::string> types;
  int checks = 0, yes = 0;
  for (const Record& record : records_in(folder / "out")) {
    types.insert(record.question_type);
    ASSERT_EQ(record.turns.size(), 1U);
    EXPECT_THAT(record.turns[0].options, Contains(record.turns[0].answer));
    if (record.question_type == "diagnosis_closed") {
      EXPECT_THAT(record.turns[0].options, ElementsAre("melanoma", "nevus", "seborrheic keratosis"));
    }
    if (record.question_type != "diagnosis_check") continue;
    ++checks;
    yes += record.turns[0].answer == "yes" ? 1 : 0;
  }
  for (const char* type :
       {"diagnosis_closed", "malignancy_closed", "border_closed", "colour_check", "sex_closed", "age_band_closed"}) {
    EXPECT_THAT(types, Contains(type));
  }
  EXPECT_FALSE(types.contains("skin_type_closed"));  // no item says
  ASSERT_GE(checks, 60);                             // of 60 items
  EXPECT_NEAR(static_cast<double>(yes) / checks, 0.5, 0.15);
}

TEST(Synth, ThreadsAndInterruptionsDoNotShow) {
  const TempFolder folder;
  SynthPlan plan = default_plan("full");
  const std::vector<Item> items = some_items(700);
  run(items, folder / "one", plan, 1);
  const SynthReport first = run(items, folder / "four", plan, 4);
  EXPECT_EQ(first.asked, first.planned);
  const auto same = [&](const char* name) {
    EXPECT_EQ(read_file(folder / "one/" + name), read_file(folder / "four/" + name)) << name;
  };
  for (const char* name : {"records.jsonl", "rejected.jsonl", "synth_report.json", "replies.jsonl"}) same(name);
  // As a kill leaves it: no results, replies up to the middle of a line.
  std::filesystem::remove(folder / "four/records.jsonl");
  std::filesystem::resize_file(folder / "four/replies.jsonl",
                               std::filesystem::file_size(folder / "four/replies.jsonl") / 2);
  const SynthReport resumed = run(items, folder / "four", plan, 2);
  EXPECT_GT(resumed.kept_from_before, 0);
  EXPECT_EQ(resumed.asked + resumed.kept_from_before, resumed.planned);
  for (const char* name : {"records.jsonl", "rejected.jsonl", "synth_report.json", "replies.jsonl"}) same(name);
}

TEST(Synth, MultiTurnConversationsKeepTheirOrder) {
  const TempFolder folder;
  SynthPlan plan;
  plan.questions_per_item = 1;
  plan.weights = {{"conversation_patient", 1}};
  run(some_items(12), folder / "out", plan);
  for (const Record& record : records_in(folder / "out")) {
    EXPECT_EQ(record.turns.size(), 4U);
    EXPECT_THAT(record.template_id, HasSubstr("ask_for_diagnosis.q"));
  }
}

TEST(Synth, MissingMetadataNeverStandsInAQuestion) {
  std::vector<Item> items = some_items(40);
  for (Item& item : items) {
    item.source = "bcn20000";
    item.metadata.erase("age");
  }
  SynthPlan plan;
  plan.weights = {{"comprehensive_assessment", 1}, {"ask_for_diagnosis", 1}};
  for (const PlannedRecord& record : plan_records(items, pack(), plan)) EXPECT_EQ(record.type->id, "ask_for_diagnosis");
}

TEST(Synth, ContextStandsBeforeTheQuestionAndLacksWhatTheItemLacks) {
  std::vector<Item> items = some_items(2);
  items[0].metadata = {{"age", "47"}, {"site", "face"}, {"bleed", "yes"}, {"biopsed", "yes"}, {"sex", "female"}};
  items[1].metadata = {};
  SynthPlan plan;
  plan.weights = {{"diagnosis_in_context", 1}};
  const std::vector<PlannedRecord> records = plan_records(items, pack(), plan);
  std::set<const Item*> asked;
  for (const PlannedRecord& record : records) {
    const std::string& question = record.turns[0].question;
    asked.insert(record.item);
    if (record.item == &items[0]) {
      EXPECT_EQ(question.rfind("40-59, face, bleed yes, ", 0), 0U) << question;
    } else {
      EXPECT_EQ(question.find(','), std::string::npos) << question;
    }
  }
  EXPECT_EQ(asked.size(), 2U);
  for (Item& item : items) item.metadata = {{"biopsed", "yes"}};  // nothing that the context tells
  EXPECT_TRUE(plan_records(items, pack(), plan).empty());
}

TEST(Synth, WordingsOfATypeAreRecordsOfTheirOwn) {
  std::vector<Item> items = some_items(3);
  for (Item& item : items) item.metadata = {{"age", "47"}, {"site", "face"}, {"itch", "no"}, {"grew", "yes"}};
  SynthPlan plan;
  plan.questions_per_item = 0;
  plan.weights = {{"diagnosis_part_context", 1}};
  std::map<std::string, std::set<std::string>> questions;
  std::set<std::string> ids;
  for (const PlannedRecord& record : plan_records(items, pack(), plan)) {
    EXPECT_TRUE(ids.insert(record.id).second) << record.id;
    EXPECT_TRUE(questions[record.item->id].insert(record.turns[0].question).second) << record.turns[0].question;
  }
  ASSERT_EQ(questions.size(), 3U);
  for (const auto& [item, texts] : questions) EXPECT_GE(texts.size(), 6U);
}

// An item asked in one wording alone teaches which wording goes with which answer.
TEST(Synth, TrainingItemsAreAskedInSeveralWordingsHeldOutOnesOnce) {
  std::vector<Item> items = some_items(30);
  for (size_t i = 0; i < items.size(); ++i) items[i].split = i % 3 == 0 ? "train" : i % 3 == 1 ? "val" : "test";
  SynthPlan plan;
  plan.weights = {{"diagnosis_closed", 1}};
  std::map<const Item*, std::set<std::string>> questions;
  for (const PlannedRecord& record : plan_records(items, pack(), plan))
    questions[record.item].insert(record.turns[0].question);
  ASSERT_EQ(questions.size(), items.size());
  for (const auto& [item, texts] : questions) {
    if (item->split == "train") {
      EXPECT_GE(texts.size(), 5U) << item->id;  // of twelve draws from twelve
    } else {
      EXPECT_EQ(texts.size(), 1U) << item->id;
    }
  }
}

TEST(Synth, BadPlansAndItemsAreErrors) {
  SynthPlan plan;
  plan.weights = {{"diagnosis_close", 1}};
  try {
    plan_records(some_items(3), pack(), plan);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'diagnosis_closed'"));
  }
  std::vector<Item> items = some_items(3);
  items[1].label = "wart";
  EXPECT_THROW(plan_records(items, pack(), default_plan("short")), Error);
  items = some_items(3);
  items[1].metadata["sex"] = "F";
  EXPECT_THROW(plan_records(items, pack(), default_plan("short")), Error);
  EXPECT_THROW(default_plan("medium"), Error);
  const TempFolder folder;
  std::ofstream(folder / "plan.toml") << "style = \"short\"\nquestion_per_item = 3\n";
  EXPECT_THROW(read_plan(folder / "plan.toml", {}), Error);
}

// A teacher whose replies are given.
class ScriptedTeacher : public Teacher {
 public:
  explicit ScriptedTeacher(std::string text) : text_(std::move(text)) {}
  std::string name() const override { return "scripted"; }
  std::string digest() const override { return text_; }
  TeacherReply ask(const TeacherRequest& request) override {
    if (text_ == "broken") throw Error(ErrorKind::device, {.what = "no connection"});
    return {text_, request.plan->item->id == "P1" ? "length" : "stop"};
  }

 private:
  std::string text_;
};

std::map<std::string, int64_t> rejected_for(const std::string& reply, int64_t* repaired = nullptr) {
  const TempFolder folder;
  SynthPlan plan;
  plan.questions_per_item = 1;
  plan.weights = {{"ask_for_diagnosis", 1}};
  ScriptedTeacher teacher(reply);
  try {
    const SynthReport report = synthesise(some_items(6), pack(), teacher, {.out = folder / "out", .plan = plan});
    if (repaired != nullptr) *repaired = report.repaired;
    return report.rejected;
  } catch (const Error& error) {
    return {{error.info().found, -1}};
  }
}

TEST(Synth, RepliesAreParsedRepairedOnceOrRejected) {
  int64_t repaired = 0;
  const auto melanoma = rejected_for(R"(Sure: {"answers": ["This looks like a melanoma."]} Bye.)", &repaired);
  EXPECT_EQ(repaired, 5);  // six, but P1 was cut off
  EXPECT_EQ(melanoma, (std::map<std::string, int64_t>{{"label_contradiction", 3}, {"parse", 1}}));
  EXPECT_EQ(rejected_for("no json").begin()->first, "first reason: parse");
  EXPECT_EQ(rejected_for(R"({"answers": ["one", "two"]})").begin()->first, "first reason: parse");
  EXPECT_EQ(rejected_for("broken").begin()->first, "every request failed: no connection");
}

// What a class usually shows is said of the class, never of the picture: sentence by sentence, in every wording.
TEST(TemplateTeacher, WhatIsTypicalIsSaidInGeneral) {
  int texts = 0;
  for (const AnswerTemplate& answer : pack().answers) {
    if (answer.text.find("{typical}") == std::string::npos) continue;
    const Grammar grammar = Grammar::parse(answer.text, answer.id);
    std::map<std::string, std::string> values{{"typical", "TYPICAL"}};
    for (const std::string& name : grammar.all()) values.emplace(name, "x");
    for (uint64_t draw = 0; draw < 200; ++draw) {
      Random random(draw, RandomPurpose::selftest);
      const std::string text = grammar.expand(values, random);
      const size_t at = text.find("TYPICAL");
      if (at == std::string::npos) continue;
      const size_t begin = text.find_last_of(".;", at) + 1;  // npos + 1 = 0
      const std::string sentence = text.substr(begin, text.find_first_of(".;", at) - begin);
      const auto& general = pack().checks.general;
      EXPECT_TRUE(std::any_of(general.begin(), general.end(),
                              [&](const auto& word) { return !find_phrase(sentence, word).empty(); }))
          << answer.id << ": " << text;
      ++texts;
    }
  }
  EXPECT_GT(texts, 2000);
}

TEST(TemplateTeacher, NoAnswerIsAtOddsWithAPracticePicture) {
  const TempFolder folder;
  PracticeOptions practice;
  practice.size = 16;
  write_practice_set(folder / "practice", 150, practice, 2);
  SynthPlan plan = default_plan("full");
  plan.questions_per_item = 0;
  const SynthReport report = run(read_items(folder / "practice/items.jsonl"), folder / "out", plan);
  EXPECT_GT(report.accepted, 1000);
  EXPECT_FALSE(report.rejected.contains("attribute_contradiction"));
}

TEST(Request, TheKeyCoversWhatDeterminesTheReply) {
  const std::vector<Item> items = some_items(3);
  const auto plan = plan_records(items, pack(), default_plan("short"));
  const auto teacher = make_template_teacher(pack());
  const std::string key = make_request(plan[0], pack(), *teacher, 0).key;
  EXPECT_EQ(make_request(plan[0], pack(), *teacher, 0).key, key);
  EXPECT_NE(make_request(plan[0], pack(), *teacher, 1).key, key);
  EXPECT_NE(make_request(plan[1], pack(), *teacher, 0).key, key);
  ScriptedTeacher other("x");
  EXPECT_NE(make_request(plan[0], pack(), other, 0).key, key);
  const std::string context = make_request(plan[0], pack(), *teacher, 0).hidden_context;
  EXPECT_THAT(context, HasSubstr("class: melanoma"));
}

}  // namespace
}  // namespace dermis
