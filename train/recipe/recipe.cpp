#include "train/recipe/recipe.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <set>

#include "core/cli/parse.h"
#include "core/error.h"
#include "core/io/embedded.h"
#include "core/io/read_file.h"
#include "core/process.h"

namespace dermis {
namespace {

constexpr const char* kFolder = "recipes/";
constexpr const char* kSuffix = ".toml";

// Where a recipe was written: its file, and what of it came from --set.
struct RecipeSource {
  const std::string& file;
  const ConfigOrigins& origins;

  // The overrides of `key` or of anything below it.
  std::vector<std::string> overrides_of(const std::string& key) const {
    std::vector<std::string> found;
    for (const auto& [set_key, origin] : origins) {
      const bool below = set_key.starts_with(key) &&
                         (set_key.size() == key.size() || set_key[key.size()] == '.' || set_key[key.size()] == '[');
      if (below && origin.starts_with("--set ")) found.push_back(origin);
    }
    return found;
  }
};

// `keys`: those that do not go together, the one to be named first. An override of any of them makes it an error of the
// command line.
[[noreturn]] void refuse(const RecipeSource& source, const std::vector<std::string>& keys, ErrorInfo info) {
  std::vector<std::string> overrides;
  for (const std::string& key : keys) {
    for (const std::string& origin : source.overrides_of(key)) overrides.push_back(origin);
  }
  info.where = fmt::format("{}{}{}", fmt::join(overrides, ", "), overrides.empty() ? "" : " on top of ", source.file);
  if (!keys.empty()) info.where += ", " + keys.front();
  throw Error(overrides.empty() ? ErrorKind::data : ErrorKind::usage, info);
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

void check_stage(const StageRecipe& stage, const std::string& key, const RecipeSource& source) {
  const bool by_steps = stage.steps > 0, by_time_or_epochs = stage.minutes > 0 || stage.epochs > 0;
  if (by_steps == by_time_or_epochs) {
    refuse(source, {key + ".steps", key + ".epochs", key + ".minutes"},
           {.what = "a stage has one length",
            .expected = "steps, or epochs, or minutes (with epochs: at most so many)",
            .found = fmt::format("epochs = {}, steps = {}, minutes = {}", stage.epochs, stage.steps, stage.minutes),
            .fix = "set one, and the others to 0"});
  }
  if (stage.data.empty()) {
    refuse(source, {key + ".data"},
           {.what = "a stage has nothing to train on",
            .expected = "at least one [[stages.data]] with shards",
            .found = "none",
            .fix = "add the folder that dermis data shard wrote"});
  }
  if (!stage.vision.trainable && !stage.projector.trainable && !stage.language.trainable) {
    refuse(source, {key + ".vision.trainable", key + ".projector.trainable", key + ".language.trainable"},
           {.what = "nothing is left to train",
            .expected = "at least one of vision, projector and language with trainable = true",
            .found = "all frozen",
            .fix = "set trainable = true for the part to be trained"});
  }
  if (stage.validation.patience > 0 && stage.validation.shards.empty()) {
    refuse(source, {key + ".validation.shards", key + ".validation.patience"},
           {.what = "patience needs validation",
            .expected = "folders of held-out shards",
            .found = "none",
            .fix = "name validation shards or leave patience out"});
  }
  if (stage.validation.keep_best == KeepBest::accuracy && stage.validation.shards.empty()) {
    refuse(source, {key + ".validation.shards", key + ".validation.keep_best"},
           {.what = "keep_best = \"accuracy\" needs validation",
            .expected = "folders of held-out shards",
            .found = "none",
            .fix = "name validation shards or leave keep_best out"});
  }
}

void check_model(const ModelRecipe& model, const RecipeSource& source) {
  if (model.preset.empty() == model.start.empty()) {
    refuse(source, {"model", "model.preset", "model.start"},
           {.what = "a recipe names one model to train",
            .expected = "exactly one of preset and start",
            .found = fmt::format("preset = '{}', start = '{}'", model.preset, model.start),
            .fix = "set one, and the other to \"\""});
  }
  if (model.start.empty() && model.start_share != 1) {
    refuse(source, {"model.start_share", "model.start"},
           {.what = "there is no model to keep a share of",
            .expected = "1 beside model.preset",
            .found = fmt::format("{}", model.start_share),
            .fix = "name the model in model.start, or leave model.start_share out"});
  }
  if (!model.start.empty() && geometry_is_set(model.geometry)) {
    refuse(source, {"model.geometry", "model.start"},
           {.what = "a model that exists has its geometry",
            .expected = "no geometry beside model.start",
            .found = "geometry set",
            .fix = "leave model.geometry out"});
  }
}

// All that changes the trained weights; the rest as by default.
ResolvedConfig<Recipe> essence(const Recipe& recipe) {
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
  return plain;
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
  check_recipe(recipe.value, text.name, recipe.origins);
  return recipe;
}

void check_recipe(const Recipe& recipe, const std::string& file, const ConfigOrigins& origins) {
  const RecipeSource source{file, origins};
  check_model(recipe.model, source);
  if (recipe.stages.empty()) {
    refuse(
        source, {"stages"},
        {.what = "a recipe has stages", .expected = "at least one [[stages]]", .found = "none", .fix = "add a stage"});
  }
  std::set<std::string> names;
  for (size_t i = 0; i < recipe.stages.size(); ++i) {
    const std::string key = fmt::format("stages[{}]", i);
    check_stage(recipe.stages[i], key, source);
    if (names.insert(recipe.stages[i].name).second) continue;
    refuse(source, {key + ".name"},
           {.what = "two stages have one name",
            .expected = "a name of its own",
            .found = recipe.stages[i].name,
            .fix = "rename one of them"});
  }
}

void check_threads(const ResolvedConfig<Recipe>& recipe) {
  const auto check = [&](const char* key, int threads) {
    if (threads <= most_threads()) return;
    const auto origin = recipe.origins.find(key);
    const bool from_file = origin == recipe.origins.end() || !origin->second.starts_with("--set ");
    throw Error(from_file ? ErrorKind::data : ErrorKind::usage,
                {.what = fmt::format("{} is more than this machine can sensibly run", key),
                 .where = origin == recipe.origins.end() ? key : origin->second,
                 .expected = fmt::format("at most {}: four for each of its {} hardware threads, and never above {}",
                                         most_threads(), hardware_threads(), kMostThreads),
                 .found = fmt::format("{}", threads),
                 .fix = fmt::format("--set {}={}; a run from a larger machine goes on so with --resume, then without "
                                    "the promise of equal bits",
                                    key, hardware_threads())});
  };
  check("threads", recipe.value.threads);
  check("loader_threads", recipe.value.loader_threads);
}

std::string recipe_essence(const Recipe& recipe) { return essence(recipe).print_plain(); }

std::string recipe_digest(const Recipe& recipe) { return essence(recipe).hash(); }

std::vector<RecipeDifference> recipe_differences(const std::string& stored, const Recipe& now) {
  const auto before = resolve_config<Recipe>({{"recipe of the checkpoint", stored}}).values();
  const auto after = essence(now).values();
  const auto value = [](const auto& values, const std::string& key) {
    const auto found = values.find(key);
    return found == values.end() || found->second.empty() ? "not set" : found->second;
  };
  std::set<std::string> keys;
  for (const auto& values : {before, after}) {
    for (const auto& entry : values) keys.insert(entry.first);
  }
  std::vector<RecipeDifference> differences;
  for (const std::string& key : keys) {
    const std::string old_value = value(before, key), new_value = value(after, key);
    if (old_value != new_value) differences.push_back({key, old_value, new_value});
  }
  return differences;
}

}  // namespace dermis
