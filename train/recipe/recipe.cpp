#include "train/recipe/recipe.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "core/cli/parse.h"
#include "core/error.h"
#include "core/io/embedded.h"
#include "core/io/read_file.h"

namespace dermis {
namespace {

constexpr const char* kFolder = "recipes/";
constexpr const char* kSuffix = ".toml";

[[noreturn]] void refuse(const std::string& what, const std::string& where, const std::string& expected,
                         const std::string& found, const std::string& fix) {
  throw Error(ErrorKind::data, {.what = what, .where = where, .expected = expected, .found = found, .fix = fix});
}

ConfigText read_text(const std::string& path_or_name) {
  if (std::filesystem::exists(path_or_name)) return {path_or_name, read_file(path_or_name)};
  for (const EmbeddedFile& file : embedded_train()) {
    const std::string name = kFolder + path_or_name;
    if (file.path == name || file.path == name + kSuffix) return {std::string(file.path), std::string(file.text)};
  }
  std::string known;
  for (const std::string& name : embedded_recipe_names()) known += (known.empty() ? "" : ", ") + name;
  const std::string near = nearest_name(path_or_name, embedded_recipe_names());
  throw Error(ErrorKind::usage, {.what = "there is no such recipe",
                                 .where = path_or_name,
                                 .expected = "a TOML file, or one of the embedded recipes: " + known,
                                 .fix = near.empty() ? "" : "did you mean '" + near + "'?"});
}

void check_stage(const StageRecipe& stage, const std::string& key, const std::string& where) {
  const bool by_steps = stage.steps > 0, by_time_or_epochs = stage.minutes > 0 || stage.epochs > 0;
  if (by_steps == by_time_or_epochs) {
    refuse("a stage has one length", where + ", " + key, "steps, or epochs, or minutes (with epochs: at most so many)",
           fmt::format("epochs = {}, steps = {}, minutes = {}", stage.epochs, stage.steps, stage.minutes),
           "set one and leave the others out");
  }
  if (stage.data.empty()) {
    refuse("a stage has nothing to train on", where + ", " + key + ".data", "at least one [[stages.data]] with shards",
           "none", "add the folder that dermis shard wrote");
  }
  if (stage.validation.patience > 0 && stage.validation.shards.empty()) {
    refuse("patience needs validation", where + ", " + key + ".validation.shards", "folders of held-out shards", "none",
           "name validation shards or leave patience out");
  }
}

}  // namespace

std::vector<std::string> embedded_recipe_names() {
  std::vector<std::string> names;
  for (const EmbeddedFile& file : embedded_train()) {
    std::string name(file.path);
    if (!name.starts_with(kFolder)) continue;
    name = name.substr(std::string(kFolder).size());
    names.push_back(name.substr(0, name.size() - std::string(kSuffix).size()));
  }
  return names;
}

ResolvedConfig<Recipe> read_recipe(const std::string& path_or_name, const std::vector<std::string>& overrides) {
  const ConfigText text = read_text(path_or_name);
  auto recipe = resolve_config<Recipe>({text}, overrides);
  check_recipe(recipe.value, text.name);
  return recipe;
}

void check_recipe(const Recipe& recipe, const std::string& where) {
  const ModelRecipe& model = recipe.model;
  if (model.preset.empty() == model.start.empty()) {
    refuse("a recipe names one model to train", where + ", model", "exactly one of preset and start",
           fmt::format("preset = '{}', start = '{}'", model.preset, model.start), "set one and leave the other out");
  }
  if (model.start.empty() && model.start_share != 1) {
    refuse("there is no model to keep a share of", where + ", model.start_share", "1 beside model.preset",
           fmt::format("{}", model.start_share), "name the model in model.start, or leave model.start_share out");
  }
  if (!model.start.empty() && geometry_is_set(model.geometry)) {
    refuse("a model that exists has its geometry", where + ", model.geometry", "no geometry beside model.start",
           "geometry set", "leave model.geometry out");
  }
  if (recipe.stages.empty()) {
    refuse("a recipe has stages", where, "at least one [[stages]]", "none", "add a stage");
  }
  std::set<std::string> names;
  for (size_t i = 0; i < recipe.stages.size(); ++i) {
    const std::string key = fmt::format("stages[{}]", i);
    check_stage(recipe.stages[i], key, where);
    if (names.insert(recipe.stages[i].name).second) continue;
    refuse("two stages have one name", where + ", " + key + ".name", "a name of its own", recipe.stages[i].name,
           "rename one of them");
  }
}

std::string recipe_digest(const Recipe& recipe) {
  ResolvedConfig<Recipe> plain;
  plain.value = recipe;
  const Recipe defaults;
  plain.value.device = defaults.device;
  plain.value.threads = defaults.threads;
  plain.value.loader_threads = defaults.loader_threads;
  plain.value.cache_decoded = defaults.cache_decoded;
  plain.value.log_every_s = defaults.log_every_s;
  plain.value.checkpoint = defaults.checkpoint;
  plain.value.model.tokenizer.clear();
  plain.value.model.start.clear();
  for (StageRecipe& stage : plain.value.stages) {
    for (SourceRecipe& source : stage.data) source.shards.clear();
    for (std::string& folder : stage.validation.shards) folder.clear();
  }
  return plain.hash();
}

}  // namespace dermis
