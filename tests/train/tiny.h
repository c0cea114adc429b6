// The smallest model that still has every part, and batches for it.
#pragma once

#include "core/contract.h"
#include "core/random.h"
#include "models/vlm.h"

namespace dermis::testing {

inline VlmConfig tiny_config() {
  VlmConfig config;
  config.vision = {.image_size = 16, .patch_size = 8, .hidden = 16, .mlp = 32, .layers = 1, .heads = 2};
  config.language = {.vocabulary = 64, .hidden = 16, .mlp = 32, .layers = 2, .heads = 2, .kv_heads = 1, .head_size = 8};
  config.image_token = 60;
  config.image.size = 16;
  return config;
}

// `count` sequences: a random picture, a prompt of 3 tokens, an answer of 2 to 4 tokens and eos. Sequence i depends on
// (seed, i) alone.
inline Batch tiny_batch(const VlmConfig& config, uint64_t seed, int first, int count) {
  Batch batch;
  batch.image_size = config.image.size;
  batch.sequence_offsets.push_back(0);
  const auto images = static_cast<int32_t>(config.vision.patches());
  for (int i = 0; i < count; ++i) {
    Random random(seed, RandomPurpose::selftest, static_cast<uint64_t>(first + i));
    const auto start = static_cast<int32_t>(batch.tokens.size());
    const int32_t prefix = images + 3;
    const int32_t length = prefix + 3 + static_cast<int32_t>(random.below(3));
    for (int32_t t = 0; t < length; ++t) {
      const auto text = static_cast<int32_t>(t == length - 1 ? 1 : 8 + random.below(40));
      batch.tokens.push_back(t < images ? static_cast<int32_t>(config.image_token) : text);
      batch.positions.push_back(t + 1);
      batch.visible_lo.push_back(start);
      batch.visible_hi.push_back(start + (t < prefix ? prefix : t + 1));
      if (t < images) {
        batch.image_slots.push_back(start + t);
        batch.image_rows.push_back(i * images + t);
      }
      if (t >= prefix) {
        batch.label_rows.push_back(start + t - 1);
        batch.label_ids.push_back(text);
        batch.label_weights.push_back(1.0F);
      }
    }
    batch.sequence_offsets.push_back(start + length);
    batch.sample_ids.push_back("tiny/" + std::to_string(first + i));
    ++batch.image_count;
    for (int p = 0; p < 3 * 16 * 16; ++p) batch.pixels.push_back(static_cast<uint8_t>(random.bits() & 255U));
  }
  return batch;
}

}  // namespace dermis::testing
