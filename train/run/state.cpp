#include "train/run/state.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/error.h"

namespace dermis {

nlohmann::ordered_json to_json(const RunState& state, const RunIdentity& identity) {
  return {
      {"schema", 1},
      {"stage", state.stage},
      {"step", state.step},
      {"steps_before", state.steps_before},
      {"planned_steps", state.planned_steps},
      {"batches", state.batches},
      {"validated_step", state.validated_step},
      {"elapsed_s", state.elapsed_s},
      {"average_updates", state.average_updates},
      {"best", {{"step", state.best.step}, {"value", state.best.value}, {"since", state.best.since}}},
      {"guard", {{"losses", state.guard.losses}, {"spike_ids", state.guard.spike_ids}, {"spikes", state.guard.spikes}}},
      {"identity",
       {{"recipe", identity.recipe},
        {"recipe_text", identity.recipe_text},
        {"tokenizer", identity.tokenizer},
        {"data", identity.data},
        {"threads", identity.threads}}}};
}

RunState run_state_from_json(const nlohmann::ordered_json& json) {
  RunState state;
  json.at("stage").get_to(state.stage);
  json.at("step").get_to(state.step);
  json.at("steps_before").get_to(state.steps_before);
  json.at("planned_steps").get_to(state.planned_steps);
  json.at("batches").get_to(state.batches);
  json.at("validated_step").get_to(state.validated_step);
  json.at("elapsed_s").get_to(state.elapsed_s);
  json.at("average_updates").get_to(state.average_updates);
  json.at("best").at("step").get_to(state.best.step);
  json.at("best").at("value").get_to(state.best.value);
  json.at("best").at("since").get_to(state.best.since);
  json.at("guard").at("losses").get_to(state.guard.losses);
  json.at("guard").at("spike_ids").get_to(state.guard.spike_ids);
  json.at("guard").at("spikes").get_to(state.guard.spikes);
  return state;
}

RunIdentity run_identity_from_json(const nlohmann::ordered_json& json) {
  const auto& identity = json.at("identity");
  return {.recipe = identity.at("recipe"),
          .recipe_text = identity.value("recipe_text", ""),
          .tokenizer = identity.at("tokenizer"),
          .data = identity.at("data"),
          .threads = identity.at("threads")};
}

namespace {

[[noreturn]] void refuse_recipe(const RunIdentity& stored, const RunIdentity& now, const Recipe& recipe,
                                const std::string& checkpoint) {
  ErrorInfo info{.what = "the run was started with another recipe",
                 .where = checkpoint,
                 .fix =
                     "start with the recipe of the run (its recipe.toml), or add --changed-recipe to go on with this "
                     "one"};
  std::vector<RecipeDifference> differences;
  try {
    if (!stored.recipe_text.empty()) differences = recipe_differences(stored.recipe_text, recipe);
  } catch (const Error&) {  // of another version of the program: the digests must do
  }
  for (const auto& [key, before, after] : differences) {
    info.expected += fmt::format("{}{} = {}", info.expected.empty() ? "" : ", ", key, before);
    info.found += fmt::format("{}{} = {}", info.found.empty() ? "" : ", ", key, after);
  }
  if (differences.empty()) {
    info.expected = "recipe digest " + stored.recipe;
    info.found = now.recipe;
  }
  throw Error(ErrorKind::data, info);
}

}  // namespace

std::string check_identity(const RunIdentity& stored, const RunIdentity& now, const Recipe& recipe,
                           bool allow_changed_recipe, const std::string& checkpoint) {
  const auto refuse = [&](const char* what, const std::string& expected, const std::string& found, const char* fix) {
    throw Error(ErrorKind::data, {.what = what, .where = checkpoint, .expected = expected, .found = found, .fix = fix});
  };
  if (stored.tokenizer != now.tokenizer) {
    refuse("the run was started with another tokenizer", stored.tokenizer, now.tokenizer,
           "name the tokenizer the run was started with, or start a new run");
  }
  if (stored.data != now.data) {
    refuse("the run was started with other data", fmt::format("{}", fmt::join(stored.data, ", ")),
           fmt::format("{}", fmt::join(now.data, ", ")),
           "name the shards the run was started with (their fingerprint stands in manifest.json), or start a new run");
  }
  if (stored.recipe != now.recipe && !allow_changed_recipe) refuse_recipe(stored, now, recipe, checkpoint);
  if (stored.threads == now.threads) return "";
  return fmt::format("{} threads instead of {}: the result may differ in the last bits from an uninterrupted run",
                     now.threads, stored.threads);
}

}  // namespace dermis
