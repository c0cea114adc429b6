#include "benchmarks/train_batch.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/random.h"

namespace dermis {
namespace {

void append_sequence(Batch& batch, const VlmConfig& config, int prompt, int answer, int image, Random& random) {
  const auto start = static_cast<int32_t>(batch.tokens.size());
  const auto images = static_cast<int32_t>(config.vision.patches());
  const int32_t prefix = images + prompt;
  const int32_t length = prefix + answer;
  for (int32_t i = 0; i < length; ++i) {
    const auto text = static_cast<int32_t>(8 + random.below(static_cast<uint64_t>(config.language.vocabulary - 72)));
    batch.tokens.push_back(i < images ? static_cast<int32_t>(config.image_token) : text);
    batch.positions.push_back(i + 1);
    batch.visible_lo.push_back(start);
    batch.visible_hi.push_back(start + (i < prefix ? prefix : i + 1));
    if (i < images) {
      batch.image_slots.push_back(start + i);
      batch.image_rows.push_back(image * images + i);
    }
    if (i >= prefix) {
      batch.label_rows.push_back(start + i - 1);
      batch.label_ids.push_back(text);
      batch.label_weights.push_back(1.0F);
    }
  }
  batch.sequence_offsets.push_back(start + length);
  batch.sample_ids.push_back("random/" + std::to_string(image));
}

}  // namespace

TrainGeometry train_geometry(const std::string& preset, bool mixed, int batch) {
  TrainGeometry geometry{.preset = preset};
  int answer = 24, samples = 16;
  if (preset == "small") {
    geometry.prompt_tokens = 32;
    answer = 48;
    samples = 8;
  } else if (preset != "nano") {
    throw Error(ErrorKind::usage, {.what = "bench train has no geometry for this preset",
                                   .where = "--preset",
                                   .expected = "nano or small",
                                   .found = preset});
  }
  if (batch > 0) samples = batch;
  for (int i = 0; i < samples; ++i) {
    const int spread = answer * 10 / 6;  // from answer / 6 to answer * 11 / 6
    geometry.answer_tokens.push_back(mixed ? answer / 6 + i * spread / std::max(1, samples - 1) : answer);
  }
  return geometry;
}

Batch random_batch(const VlmConfig& config, const TrainGeometry& geometry, uint64_t seed) {
  Random random(seed, RandomPurpose::selftest);
  Batch batch;
  batch.sequence_offsets.push_back(0);
  batch.image_size = config.image.size;
  for (const int answer : geometry.answer_tokens) {
    append_sequence(batch, config, geometry.prompt_tokens, answer, batch.image_count++, random);
  }
  batch.pixels.resize(static_cast<size_t>(batch.image_count) * 3 * static_cast<size_t>(config.image.size) *
                      static_cast<size_t>(config.image.size));
  for (uint8_t& value : batch.pixels) value = static_cast<uint8_t>(random.bits() & 255U);
  return batch;
}

double step_flops(const VlmConfig& config, const TrainGeometry& geometry) {
  const VisionConfig& v = config.vision;
  const LanguageConfig& l = config.language;
  const auto patches = static_cast<double>(v.patches());
  const auto width = static_cast<double>(v.hidden);
  const double vision_layer =
      patches * (4 * width * width + 2 * width * static_cast<double>(v.mlp)) + 2 * patches * patches * width;
  const double image = patches * width * static_cast<double>(3 * v.patch_size * v.patch_size) +
                       static_cast<double>(v.layers) * vision_layer + patches * width * static_cast<double>(l.hidden);
  const auto heads = static_cast<double>(l.heads * l.head_size);
  const double token_layer =
      static_cast<double>(l.hidden) * (2 * heads + static_cast<double>(2 * l.kv_heads * l.head_size + 3 * l.mlp));
  double forward = 0;
  for (const int answer : geometry.answer_tokens) {
    const double prefix = patches + geometry.prompt_tokens;
    const double pairs = prefix * prefix + answer * prefix + answer * (answer + 1) / 2.0;
    forward += image + static_cast<double>(l.layers) * ((prefix + answer) * token_layer + 2 * pairs * heads) +
               answer * static_cast<double>(l.hidden * l.vocabulary);
  }
  return forward * 2 * 3;
}

std::string geometry_json(const VlmConfig& config, const TrainGeometry& geometry) {
  const VisionConfig& v = config.vision;
  const LanguageConfig& l = config.language;
  return nlohmann::json{{"image", v.image_size},
                        {"patch", v.patch_size},
                        {"vision_hidden", v.hidden},
                        {"vision_mlp", v.mlp},
                        {"vision_layers", v.layers},
                        {"vision_heads", v.heads},
                        {"vocabulary", l.vocabulary},
                        {"hidden", l.hidden},
                        {"mlp", l.mlp},
                        {"layers", l.layers},
                        {"heads", l.heads},
                        {"kv_heads", l.kv_heads},
                        {"head_size", l.head_size},
                        {"prompt", geometry.prompt_tokens}}
      .dump();
}

}  // namespace dermis
