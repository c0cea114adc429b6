#include "models/vlm_config.h"

#include <fmt/format.h>

#include "core/error.h"
#include "models/weights/parameter_table.h"

namespace dermis {
namespace {

[[noreturn]] void misfit(const std::string& field, const std::string& expected, const std::string& found) {
  throw Error(ErrorKind::data, {.what = "The model configuration does not fit together",
                                .where = field,
                                .expected = expected,
                                .found = found,
                                .fix = "correct this number in config.json, or take the model's original config.json"});
}

void need_positive(const char* field, double value) {
  if (!(value > 0)) misfit(field, "a number above 0", fmt::format("{}", value));
}

// Far beyond any model, near enough that a table of its parameters can still be made.
void need_layers(const char* field, int64_t layers) {
  constexpr int64_t kMostLayers = 1000;
  if (layers < 1 || layers > kMostLayers) misfit(field, fmt::format("1 to {}", kMostLayers), fmt::format("{}", layers));
}

void need_multiple(const char* field, int64_t value, const char* of, int64_t divisor) {
  if (value % divisor != 0) misfit(field, fmt::format("a multiple of {} = {}", of, divisor), fmt::format("{}", value));
}

void need_id(const char* field, int64_t id, int64_t vocabulary) {
  if (id < 0 || id >= vocabulary)
    misfit(field, fmt::format("a token id in [0, text_config.vocab_size = {})", vocabulary), fmt::format("{}", id));
}

void validate_vision(const VisionConfig& vision) {
  need_positive("vision_config.image_size", static_cast<double>(vision.image_size));
  need_positive("vision_config.patch_size", static_cast<double>(vision.patch_size));
  need_positive("vision_config.hidden_size", static_cast<double>(vision.hidden));
  need_positive("vision_config.intermediate_size", static_cast<double>(vision.mlp));
  need_layers("vision_config.num_hidden_layers", vision.layers);
  need_positive("vision_config.num_attention_heads", static_cast<double>(vision.heads));
  need_positive("vision_config.layer_norm_eps", vision.layer_norm_eps);
  need_multiple("vision_config.image_size", vision.image_size, "patch_size", vision.patch_size);
  need_multiple("vision_config.hidden_size", vision.hidden, "num_attention_heads", vision.heads);
}

void validate_language(const LanguageConfig& language) {
  need_positive("text_config.vocab_size", static_cast<double>(language.vocabulary));
  need_positive("text_config.hidden_size", static_cast<double>(language.hidden));
  need_positive("text_config.intermediate_size", static_cast<double>(language.mlp));
  need_layers("text_config.num_hidden_layers", language.layers);
  need_positive("text_config.num_attention_heads", static_cast<double>(language.heads));
  need_positive("text_config.num_key_value_heads", static_cast<double>(language.kv_heads));
  need_positive("text_config.head_dim", static_cast<double>(language.head_size));
  need_positive("text_config.rms_norm_eps", language.rms_norm_eps);
  need_positive("text_config.rope_parameters.rope_theta", language.rope_base);
  need_positive("text_config.max_position_embeddings", static_cast<double>(language.max_positions));
  need_multiple("text_config.num_attention_heads", language.heads, "num_key_value_heads", language.kv_heads);
  need_multiple("text_config.head_dim", language.head_size, "rotary halves", 2);
}

}  // namespace

PromptFormat VlmConfig::prompt_format() const {
  PromptFormat format;
  format.tokens_per_image = static_cast<int>(vision.patches());
  format.image_token = static_cast<int32_t>(image_token);
  format.bos = bos;
  format.eos = eos;
  format.pad = pad;
  format.max_tokens = static_cast<int>(language.max_positions);
  return format;
}

int64_t VlmConfig::parameter_count() const {
  int64_t count = 0;
  for (const ParameterSpec& spec : parameter_table(*this)) count += spec.element_count();
  return count;
}

void VlmConfig::validate() const {
  if (family != "paligemma") misfit("model_type", "paligemma", family);
  validate_vision(vision);
  validate_language(language);
  need_id("image_token_index", image_token, language.vocabulary);
  need_id("bos_token_id", bos, language.vocabulary);
  need_id("eos_token_id", eos, language.vocabulary);
  need_id("pad_token_id", pad, language.vocabulary);
  if (image_token == bos || image_token == eos || image_token == pad)
    misfit("image_token_index", "an id of its own, not that of bos, eos or pad", fmt::format("{}", image_token));
  if (image.size != vision.image_size)
    misfit("preprocessor_config.json, size", fmt::format("vision_config.image_size = {}", vision.image_size),
           fmt::format("{}", image.size));
  for (const float deviation : image.std) need_positive("preprocessor_config.json, image_std", deviation);
  if (vision.patches() + 2 > language.max_positions)
    misfit("text_config.max_position_embeddings", fmt::format("room for {} image tokens and text", vision.patches()),
           fmt::format("{}", language.max_positions));
}

void VlmConfig::fit_vocabulary(int64_t pieces) {
  constexpr int64_t kRowMultiple = 64;
  image_token = pieces;
  language.vocabulary = (pieces + 1 + kRowMultiple - 1) / kRowMultiple * kRowMultiple;
}

}  // namespace dermis
