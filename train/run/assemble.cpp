#include "train/run/assemble.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <map>

#include "core/error.h"
#include "models/weights/hf_folder.h"

namespace dermis {
namespace {

constexpr const char* kImageWord = "<image>";

void apply(const GeometryRecipe& geometry, VlmConfig& config) {
  const auto set = [](int64_t value, int64_t& field) {
    if (value > 0) field = value;
  };
  set(geometry.image_size, config.vision.image_size);
  set(geometry.patch_size, config.vision.patch_size);
  set(geometry.vision_hidden, config.vision.hidden);
  set(geometry.vision_mlp, config.vision.mlp);
  set(geometry.vision_layers, config.vision.layers);
  set(geometry.vision_heads, config.vision.heads);
  set(geometry.hidden, config.language.hidden);
  set(geometry.mlp, config.language.mlp);
  set(geometry.layers, config.language.layers);
  set(geometry.heads, config.language.heads);
  set(geometry.kv_heads, config.language.kv_heads);
  set(geometry.head_size, config.language.head_size);
  config.image.size = static_cast<int>(config.vision.image_size);
}

// What the model's checks call a number of config.json, by its key in the recipe.
std::string recipe_key(const std::string& field) {
  static const std::map<std::string, std::string> kKeys{{"vision_config.image_size", "image_size"},
                                                        {"vision_config.patch_size", "patch_size"},
                                                        {"vision_config.hidden_size", "vision_hidden"},
                                                        {"vision_config.intermediate_size", "vision_mlp"},
                                                        {"vision_config.num_hidden_layers", "vision_layers"},
                                                        {"vision_config.num_attention_heads", "vision_heads"},
                                                        {"text_config.hidden_size", "hidden"},
                                                        {"text_config.intermediate_size", "mlp"},
                                                        {"text_config.num_hidden_layers", "layers"},
                                                        {"text_config.num_attention_heads", "heads"},
                                                        {"text_config.num_key_value_heads", "kv_heads"},
                                                        {"text_config.head_dim", "head_size"},
                                                        {"text_config.max_position_embeddings", "image_size"}};
  const auto found = kKeys.find(field);
  return found == kKeys.end() ? "" : "model.geometry." + found->second;
}

// A geometry that does not fit together, in the recipe's words.
void check_geometry(const VlmConfig& config) {
  try {
    config.validate();
  } catch (const Error& error) {
    ErrorInfo info = error.info();
    const std::string key = recipe_key(info.where);
    if (key.empty()) throw;
    info.what = "the recipe's geometry does not fit together";
    info.where = key + " (in config.json: " + info.where + ")";
    info.fix = "set " + key + " to such a number, or leave model.geometry out";
    throw Error(error.kind(), info);
  }
}

// The image token is the tokenizer's own where it has one, else the first id beyond its pieces.
void fit_tokenizer(const Tokenizer& tokenizer, VlmConfig& config) {
  config.fit_vocabulary(tokenizer.size());
  if (const int32_t own = tokenizer.id_of(kImageWord); own >= 0) config.image_token = own;
}

void check_tokenizer(const std::string& start, const Tokenizer& tokenizer, const VlmConfig& config) {
  const int32_t own = tokenizer.id_of(kImageWord);
  const bool image_fits = own >= 0 ? own == config.image_token : config.image_token >= tokenizer.size();
  if (image_fits && tokenizer.size() <= config.language.vocabulary) return;
  throw Error(ErrorKind::data, {.what = "the tokenizer does not belong to the model",
                                .where = tokenizer.model_path() + " and " + start,
                                .expected = fmt::format("at most {} pieces, image token {}", config.language.vocabulary,
                                                        config.image_token),
                                .found = fmt::format("{} pieces, {} is {}", tokenizer.size(), kImageWord, own),
                                .fix = "leave model.tokenizer out to take the model's own"});
}

// A model that has settled on synthetic pictures learns real ones less well than a fresh one (Ash and Adams, arXiv
// 1910.08475); taking part of its training back keeps what helps and mends that.
void take_back(const Vlm& model, uint64_t seed, double share) {
  if (share == 1) return;
  at::NoGradGuard no_grad;
  const std::vector<Parameter> trained = model.parameters();
  const std::vector<Parameter> fresh = Vlm(model.config(), seed, model.placement()).parameters();
  for (size_t i = 0; i < trained.size(); ++i) trained[i].tensor.lerp_(fresh[i].tensor, 1 - share);
}

}  // namespace

Tokenizer open_tokenizer(const ModelRecipe& recipe) {
  if (!recipe.tokenizer.empty()) return Tokenizer::load(recipe.tokenizer);
  if (!recipe.start.empty()) return Tokenizer::load(recipe.start);
  throw Error(ErrorKind::usage, {.what = "the recipe names no tokenizer",
                                 .where = "model.tokenizer",
                                 .expected = "the path of a tokenizer.model",
                                 .fix = "make one with dermis tokenizer train, then set model.tokenizer"});
}

Vlm make_model(const Recipe& recipe, const Tokenizer& tokenizer) {
  const ModelRecipe& wanted = recipe.model;
  const auto placement = [&](const VlmConfig& config) {
    return choose_placement(recipe.device, recipe.precision, config, Purpose::training, recipe.weights);
  };
  if (!wanted.start.empty()) {
    Vlm model = load_model(wanted.start, placement(load_config(wanted.start)));
    check_tokenizer(wanted.start, tokenizer, model.config());
    take_back(model, recipe.seed, wanted.start_share);
    return model;
  }
  VlmConfig config = preset(wanted.preset);
  apply(wanted.geometry, config);
  fit_tokenizer(tokenizer, config);
  check_geometry(config);
  return {config, recipe.seed, placement(config)};
}

StageShards open_shards(const StageRecipe& stage) {
  StageShards shards;
  for (const SourceRecipe& source : stage.data) {
    shards.training.push_back(std::make_shared<const ShardReader>(source.shards));
    shards.weights.push_back(source.weight);
    if (shards.training.back()->manifest().split != "test") continue;
    throw Error(ErrorKind::data,
                {.what = "these shards are the test split: a model trained on them cannot be evaluated",
                 .where = fmt::format("stage {}, {}", stage.name, source.shards),
                 .expected = "split train",
                 .found = "split test",
                 .fix = "name the train shards in stages[].data"});
  }
  for (const std::string& folder : stage.validation.shards) {
    shards.validation.push_back(std::make_shared<const ShardReader>(folder));
  }
  return shards;
}

}  // namespace dermis
