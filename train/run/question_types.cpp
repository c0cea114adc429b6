#include "train/run/question_types.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <set>
#include <utility>

#include "core/error.h"
#include "core/nearest_name.h"
#include "data/fields/field_pack.h"

namespace dermis {
namespace {

using Shards = std::vector<std::shared_ptr<const ShardReader>>;

// Types of the records, read until all of `wanted` have been seen.
std::set<std::string> types_held(const Shards& shards, const std::set<std::string>& wanted) {
  std::set<std::string> held;
  size_t missing = wanted.size();
  for (const auto& shard : shards) {
    for (int64_t i = 0; i < shard->size() && missing > 0; ++i) {
      for (const Record& record : shard->read_text(i).records) {
        if (held.insert(record.question_type).second) missing -= wanted.contains(record.question_type) ? 1 : 0;
      }
    }
  }
  return held;
}

// Types of the field packs that the shards were made with; a pack that is not here adds none.
std::set<std::string> types_of_fields(const Shards& shards) {
  std::set<std::string> types;
  for (const auto& shard : shards) {
    if (shard->manifest().field.empty()) continue;
    try {
      for (const QuestionType& type : load_field_pack(shard->manifest().field).types) types.insert(type.id);
    } catch (const Error&) {
    }
  }
  return types;
}

void check_names(const std::set<std::string>& names, const Shards& shards, const std::string& key,
                 std::vector<std::string>& notes) {
  const std::set<std::string> held = types_held(shards, names);
  std::set<std::string> of_fields;
  bool fields_read = false;
  for (const std::string& name : names) {
    if (held.contains(name)) continue;
    if (!std::exchange(fields_read, true)) of_fields = types_of_fields(shards);
    if (of_fields.contains(name)) {
      notes.push_back(fmt::format("{} names {}, of which the shards hold no record", key, name));
      continue;
    }
    std::vector<std::string> known(held.begin(), held.end());
    known.insert(known.end(), of_fields.begin(), of_fields.end());
    const std::string near = nearest_name(name, known);
    throw Error(ErrorKind::data, {.what = "unknown question type '" + name + "'",
                                  .where = key,
                                  .expected = fmt::format("types of the shards: {}", fmt::join(held, ", ")),
                                  .found = name,
                                  .fix = near.empty() ? "'dermis data stats' counts the types of shards"
                                                      : "did you mean '" + near + "'?"});
  }
}

}  // namespace

std::vector<std::string> check_question_types(const StageRecipe& stage, const std::string& key,
                                              const StageShards& shards) {
  std::vector<std::string> notes;
  std::set<std::string> weighted;
  for (const auto& [type, weight] : stage.batch.question_weights) weighted.insert(type);
  check_names(weighted, shards.training, key + ".batch.question_weights", notes);
  const auto& counted = stage.validation.accuracy_questions;
  if (!shards.validation.empty()) {
    check_names({counted.begin(), counted.end()}, shards.validation, key + ".validation.accuracy_questions", notes);
  }
  return notes;
}

}  // namespace dermis
