#include "models/weights/hf_config.h"

#include <fmt/format.h>

#include <algorithm>

#include "models/weights/hf_json.h"

namespace dermis {
namespace {

constexpr const char* kFixFamily = "use a PaliGemma model (Gemma 1 decoder), or one trained with dermis";

void need_text(const HfJson& fields, const std::string& key, std::initializer_list<const char*> accepted,
               const std::string& expected) {
  const auto value = fields.text(key);
  if (!value) return;
  if (std::none_of(accepted.begin(), accepted.end(), [&](const char* one) { return *value == one; }))
    fields.reject(key, expected, kFixFamily);
}

void need_boolean(const HfJson& fields, const std::string& key, bool expected) {
  const auto value = fields.boolean(key);
  if (value && *value != expected) fields.reject(key, expected ? "true" : "false", kFixFamily);
}

// transformers 5 writes rope_parameters; before that rope_theta and rope_scaling stood beside the sizes.
double rope_base_of(const HfJson& text) {
  constexpr double kDefaultBase = 10000;
  if (text.has("rope_scaling")) text.reject("rope_scaling", "null: PaliGemma does not scale positions", kFixFamily);
  if (const auto rope = text.object("rope_parameters")) {
    need_text(*rope, "rope_type", {"default"}, "\"default\"");
    if (const auto theta = rope->number("rope_theta")) return *theta;
  }
  return text.number("rope_theta").value_or(kDefaultBase);
}

LanguageConfig read_language(const HfJson& text, bool given) {
  need_text(text, "model_type", {"gemma"}, "\"gemma\"");
  // GemmaConfig's default "gelu" is a legacy spelling of the tanh form.
  need_text(text, "hidden_act", {"gelu", "gelu_pytorch_tanh"}, "\"gelu_pytorch_tanh\"");
  need_text(text, "hidden_activation", {"gelu", "gelu_pytorch_tanh"}, "\"gelu_pytorch_tanh\"");
  need_boolean(text, "attention_bias", false);
  need_boolean(text, "tie_word_embeddings", true);
  need_boolean(text, "use_bidirectional_attention", true);
  // Absent values: with a text_config GemmaConfig's own (Gemma 7B), without one PaliGemma's (Gemma 2B).
  LanguageConfig config;
  config.vocabulary = text.integer("vocab_size").value_or(given ? 256000 : 257152);
  config.hidden = text.integer("hidden_size").value_or(given ? 3072 : 2048);
  config.mlp = text.integer("intermediate_size").value_or(given ? 24576 : 16384);
  config.layers = text.integer("num_hidden_layers").value_or(given ? 28 : 18);
  config.heads = text.integer("num_attention_heads").value_or(given ? 16 : 8);
  config.kv_heads = text.integer("num_key_value_heads").value_or(given ? 16 : 1);
  config.head_size = text.integer("head_dim").value_or(256);
  config.rms_norm_eps = text.number("rms_norm_eps").value_or(1e-6);
  config.rope_base = rope_base_of(text);
  config.max_positions = text.integer("max_position_embeddings").value_or(8192);
  return config;
}

VisionConfig read_vision(const HfJson& vision, bool given) {
  need_text(vision, "model_type", {"siglip_vision_model"}, "\"siglip_vision_model\"");
  need_text(vision, "hidden_act", {"gelu_pytorch_tanh"}, "\"gelu_pytorch_tanh\"");
  constexpr int64_t kChannels = 3;
  if (vision.integer("num_channels").value_or(kChannels) != kChannels) vision.reject("num_channels", "3", kFixFamily);
  VisionConfig config;
  config.image_size = vision.integer("image_size").value_or(224);
  config.patch_size = vision.integer("patch_size").value_or(given ? 16 : 14);
  config.hidden = vision.integer("hidden_size").value_or(given ? 768 : 1152);
  config.mlp = vision.integer("intermediate_size").value_or(given ? 3072 : 4096);
  config.layers = vision.integer("num_hidden_layers").value_or(given ? 12 : 27);
  config.heads = vision.integer("num_attention_heads").value_or(given ? 12 : 16);
  config.layer_norm_eps = vision.number("layer_norm_eps").value_or(1e-6);
  return config;
}

// Control ids stand in text_config today and beside it in published files.
int32_t control_id(const HfJson& top, const HfJson& text, const std::string& key, int32_t fallback) {
  const auto inner = text.integer(key);
  return static_cast<int32_t>(inner ? *inner : top.integer(key).value_or(fallback));
}

}  // namespace

VlmConfig config_from_json(const nlohmann::json& json, const std::string& file) {
  const HfJson top(json, file);
  if (top.text("model_type").value_or("") != "paligemma") top.reject("model_type", "\"paligemma\"", kFixFamily);
  need_boolean(top, "tie_word_embeddings", true);
  const nlohmann::json nothing = nlohmann::json::object();
  const auto text = top.object("text_config"), vision = top.object("vision_config");
  const HfJson text_or_empty = text.value_or(HfJson(nothing, file, "text_config."));
  VlmConfig config;
  config.language = read_language(text_or_empty, text.has_value());
  config.vision = read_vision(vision.value_or(HfJson(nothing, file, "vision_config.")), vision.has_value());
  const auto index = top.integer("image_token_index");
  config.image_token = index ? *index : top.integer("image_token_id").value_or(256000);
  config.bos = control_id(top, text_or_empty, "bos_token_id", 2);
  config.eos = control_id(top, text_or_empty, "eos_token_id", 1);
  config.pad = control_id(top, text_or_empty, "pad_token_id", 0);
  config.image.size = static_cast<int>(config.vision.image_size);
  const int64_t projection = top.integer("projection_dim").value_or(2048);
  if (projection != config.language.hidden)
    top.reject("projection_dim", fmt::format("text_config.hidden_size = {}", config.language.hidden),
               "the projector must end in the decoder's width: take the model's original config.json");
  return config;
}

nlohmann::ordered_json config_to_json(const VlmConfig& config) {
  const LanguageConfig& l = config.language;
  const VisionConfig& v = config.vision;
  nlohmann::ordered_json text = {{"model_type", "gemma"},
                                 {"vocab_size", l.vocabulary},
                                 {"hidden_size", l.hidden},
                                 {"intermediate_size", l.mlp},
                                 {"num_hidden_layers", l.layers},
                                 {"num_attention_heads", l.heads},
                                 {"num_key_value_heads", l.kv_heads},
                                 {"head_dim", l.head_size},
                                 {"hidden_act", "gelu_pytorch_tanh"},
                                 {"hidden_activation", "gelu_pytorch_tanh"},
                                 {"rms_norm_eps", l.rms_norm_eps},
                                 {"rope_theta", l.rope_base},
                                 {"rope_parameters", {{"rope_theta", l.rope_base}, {"rope_type", "default"}}},
                                 {"max_position_embeddings", l.max_positions},
                                 {"attention_bias", false},
                                 {"attention_dropout", 0.0},
                                 {"initializer_range", 0.02},
                                 {"tie_word_embeddings", true},
                                 {"use_bidirectional_attention", true},
                                 {"use_cache", true},
                                 {"num_image_tokens", v.patches()},
                                 {"bos_token_id", config.bos},
                                 {"eos_token_id", config.eos},
                                 {"pad_token_id", config.pad}};
  nlohmann::ordered_json vision = {{"model_type", "siglip_vision_model"},
                                   {"image_size", v.image_size},
                                   {"patch_size", v.patch_size},
                                   {"num_channels", 3},
                                   {"hidden_size", v.hidden},
                                   {"intermediate_size", v.mlp},
                                   {"num_hidden_layers", v.layers},
                                   {"num_attention_heads", v.heads},
                                   {"num_image_tokens", v.patches()},
                                   {"hidden_act", "gelu_pytorch_tanh"},
                                   {"layer_norm_eps", v.layer_norm_eps},
                                   {"attention_dropout", 0.0},
                                   {"projection_dim", l.hidden},
                                   {"vision_use_head", false}};
  return {{"architectures", {"PaliGemmaForConditionalGeneration"}},
          {"model_type", "paligemma"},
          {"dtype", "float32"},
          {"torch_dtype", "float32"},
          {"image_token_index", config.image_token},
          {"projection_dim", l.hidden},
          {"hidden_size", l.hidden},
          {"vocab_size", config.image_token},
          {"tie_word_embeddings", true},
          {"bos_token_id", config.bos},
          {"eos_token_id", config.eos},
          {"pad_token_id", config.pad},
          {"text_config", std::move(text)},
          {"vision_config", std::move(vision)}};
}

}  // namespace dermis
