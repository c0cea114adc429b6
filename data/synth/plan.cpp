#include "data/synth/plan.h"

#include <algorithm>
#include <optional>
#include <set>

#include "core/error.h"
#include "core/io/read_file.h"
#include "core/nearest_name.h"
#include "core/random.h"
#include "data/fields/toml_json.h"
#include "data/synth/questions.h"

namespace dermis {
namespace {

using Weighted = std::vector<std::pair<const QuestionType*, double>>;

// Weight of self-instruct types that no plan weighs: a teacher with few ideas soon only repeats itself, and what
// repeats is rejected.
constexpr double kSelfInstruct = 0.1;

// Takes one entry out, drawn by weight.
const QuestionType* take_weighted(Weighted& from, Random& random) {
  double total = 0;
  for (const auto& [type, weight] : from) total += weight;
  double at = random.uniform() * total;
  size_t chosen = 0;
  while (chosen + 1 < from.size() && at >= from[chosen].second) at -= from[chosen++].second;
  const QuestionType* type = from[chosen].first;
  from.erase(from.begin() + static_cast<std::ptrdiff_t>(chosen));
  return type;
}

Weighted fitting_types(const Item& item, const FieldPack& pack, const SynthPlan& plan, const DataVocabulary& vocabulary,
                       const QuestionBank& bank) {
  Weighted fitting;
  for (const QuestionType& type : pack.types) {
    double weight = plan.weights.empty() && type.style == plan.style ? (type.self_instruct ? kSelfInstruct : 1) : 0;
    if (const auto at = plan.weights.find(type.id); at != plan.weights.end()) weight = at->second;
    if (weight > 0 && type_applies(type, item, pack, vocabulary, bank)) fitting.emplace_back(&type, weight);
  }
  return fitting;
}

// Full style draws a general and a source-specific question by turns, as long as both kinds are left.
const QuestionType* take_alternating(Weighted& from, bool specific, Random& random) {
  Weighted kind, rest;
  for (const auto& entry : from) (entry.first->sources.empty() != specific ? kind : rest).push_back(entry);
  if (kind.empty()) return take_weighted(from, random);
  const QuestionType* type = take_weighted(kind, random);
  kind.insert(kind.end(), rest.begin(), rest.end());
  from = std::move(kind);
  return type;
}

std::vector<const QuestionType*> choose_types(const Item& item, const FieldPack& pack, const SynthPlan& plan,
                                              const DataVocabulary& vocabulary, const QuestionBank& bank) {
  std::vector<const QuestionType*> chosen;
  for (const std::string& id : plan.always) {
    const QuestionType* type = pack.find_type(id);
    if (type_applies(*type, item, pack, vocabulary, bank)) chosen.push_back(type);
  }
  Weighted left = fitting_types(item, pack, plan, vocabulary, bank);
  std::erase_if(
      left, [&](const auto& entry) { return std::find(chosen.begin(), chosen.end(), entry.first) != chosen.end(); });
  Random random(plan.seed, RandomPurpose::question, stable_hash(item.source + "\n" + item.id));
  const auto wanted = static_cast<size_t>(plan.questions_per_item);
  while (!left.empty() && (wanted == 0 || chosen.size() < wanted)) {
    const bool specific = chosen.size() % 2 == 1;
    chosen.push_back(plan.style == "full" ? take_alternating(left, specific, random) : take_weighted(left, random));
  }
  return chosen;
}

// Nothing when one of its turns cannot be worded for the item.
std::optional<PlannedRecord> make_record(const QuestionType& type, const Item& item, const FieldPack& pack,
                                         const DataVocabulary& vocabulary, const QuestionBank& bank, uint64_t seed,
                                         int wording) {
  PlannedRecord record{
      .item = &item, .type = &type, .id = item.id + "/" + type.id + "/" + std::to_string(wording), .turns = {}};
  std::vector<const QuestionType*> turns{&type};
  if (!type.turns.empty()) {
    turns.clear();
    for (const std::string& turn : type.turns) turns.push_back(pack.find_type(turn));
  }
  for (const QuestionType* turn : turns) {
    auto made = make_turn(*turn, item, pack, vocabulary, bank, seed, wording);
    if (!made) return std::nullopt;
    record.turns.push_back(std::move(*made));
  }
  return record;
}

}  // namespace

SynthPlan default_plan(const std::string& style) {
  if (style != "short" && style != "full") {
    throw Error(ErrorKind::usage,
                {.what = "unknown style '" + style + "'", .where = "--style", .expected = "short or full"});
  }
  SynthPlan plan;
  plan.style = style;
  if (style == "short") {
    plan.questions_per_item = 4;
    plan.always = {"diagnosis_closed"};
  }
  return plan;
}

SynthPlan read_plan(const std::string& path, SynthPlan plan) {
  const Json tree = toml_to_json(read_file(path), path);
  JsonFields fields(tree, path);
  if (tree.contains("style")) plan = default_plan(fields.text("style"));
  if (tree.contains("questions_per_item")) plan.questions_per_item = fields.integer("questions_per_item");
  if (tree.contains("always")) plan.always = fields.text_list("always");
  if (tree.contains("splits")) plan.splits = fields.text_list("splits");
  plan.seed = fields.unsigned_or("seed", plan.seed);
  const Json weights = fields.object_or_empty("weights");
  for (const auto& [type, weight] : weights.items()) {
    if (!weight.is_number() || weight.get<double>() < 0) {
      throw Error(ErrorKind::data, {.what = "weight is not a number of 0 or more",
                                    .where = path + ", key weights." + type,
                                    .found = weight.dump()});
    }
    plan.weights[type] = weight.get<double>();
  }
  fields.no_others();
  return plan;
}

namespace {

// What an option names wrongly is a matter of usage, what a file holds one of data.
ErrorKind kind_of(const std::string& where) { return where.rfind("--", 0) == 0 ? ErrorKind::usage : ErrorKind::data; }

}  // namespace

void check_types(const SynthPlan& plan, const FieldPack& pack, const std::string& where) {
  std::vector<std::string> known;
  for (const QuestionType& type : pack.types) known.push_back(type.id);
  std::vector<std::string> named = plan.always;
  for (const auto& [type, weight] : plan.weights) named.push_back(type);
  for (const std::string& type : named) {
    if (pack.find_type(type) != nullptr) continue;
    const std::string near = nearest_name(type, known);
    throw Error(kind_of(where),
                {.what = "unknown question type '" + type + "'",
                 .where = where,
                 .fix = near.empty() ? "questions.toml of the field pack lists them" : "did you mean '" + near + "'?"});
  }
}

void check_splits(const SynthPlan& plan, const std::string& where) {
  const std::vector<std::string> known{"train", "val", "test"};
  for (const std::string& split : plan.splits) {
    if (std::find(known.begin(), known.end(), split) != known.end()) continue;
    const std::string near = nearest_name(split, known);
    throw Error(kind_of(where), {.what = "unknown split",
                                 .where = where,
                                 .expected = "train, val or test",
                                 .found = split,
                                 .fix = near.empty() ? "" : "did you mean '" + near + "'?"});
  }
}

void check_plan(const SynthPlan& plan, const FieldPack& pack, const std::string& where) {
  check_types(plan, pack, where);
  check_splits(plan, where);
}

std::vector<PlannedRecord> plan_records(const std::vector<Item>& items, const FieldPack& pack, const SynthPlan& plan) {
  check_plan(plan, pack, "plan");
  const DataVocabulary vocabulary = vocabulary_of(items, pack);
  const QuestionBank bank(pack);
  std::vector<PlannedRecord> records;
  for (const Item& item : items) {
    const auto& splits = plan.splits;
    if (!splits.empty() && std::find(splits.begin(), splits.end(), item.split) == splits.end()) continue;
    for (const QuestionType* type : choose_types(item, pack, plan, vocabulary, bank)) {
      const int wordings = item.split == "val" || item.split == "test" ? 1 : type->wordings;
      std::set<std::string> worded;  // first questions that the item has of this type
      for (int wording = 0; wording < wordings; ++wording) {
        auto record = make_record(*type, item, pack, vocabulary, bank, plan.seed, wording);
        if (record && worded.insert(record->turns.front().question).second) records.push_back(std::move(*record));
      }
    }
  }
  return records;
}

}  // namespace dermis
