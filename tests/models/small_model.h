// A model of a few thousand weights that computes in milliseconds, and packed batches for it.
#pragma once

#include <ATen/ATen.h>

#include "core/contract.h"
#include "core/random.h"
#include "models/vlm.h"

namespace dermis::testing {

inline VlmConfig small_config() {
  VlmConfig config;
  config.vision = {.image_size = 8, .patch_size = 4, .hidden = 24, .mlp = 40, .layers = 2, .heads = 2};
  config.language = {.vocabulary = 192,
                     .hidden = 32,
                     .mlp = 48,
                     .layers = 3,
                     .heads = 4,
                     .kv_heads = 2,
                     .head_size = 16,
                     .max_positions = 512};
  config.fit_vocabulary(130);
  config.image.size = 8;
  return config;
}

inline Vlm small_model(uint64_t seed = 3) { return Vlm(small_config(), seed); }

// Tokens and pixels of a sequence are a function of its number alone.
class SmallBatch {
 public:
  explicit SmallBatch(const VlmConfig& config) : config_(config) { batch_.image_size = config.image.size; }

  SmallBatch& prompt(int number, int words) { return add(number, words, {}, false); }
  SmallBatch& labelled(int number, int words, int answer) {
    Random random(static_cast<uint64_t>(number), RandomPurpose::question, 7);
    std::vector<int32_t> tokens;
    for (int i = 0; i < answer; ++i) tokens.push_back(static_cast<int32_t>(4 + random.below(100)));
    return add(number, words, tokens, true);
  }
  SmallBatch& answered(int number, int words, const std::vector<int32_t>& answer) {
    return add(number, words, answer, true);
  }

  Batch batch() const {
    Batch result = batch_;
    result.sequence_offsets.push_back(static_cast<int32_t>(result.tokens.size()));
    return result;
  }

 private:
  void row(int32_t token, int32_t offset, int32_t prefix) {
    const auto index = static_cast<int32_t>(batch_.tokens.size());
    batch_.tokens.push_back(token);
    batch_.positions.push_back(index - offset + 1);
    batch_.visible_lo.push_back(offset);
    batch_.visible_hi.push_back(std::max(offset + prefix, index + 1));
  }

  SmallBatch& add(int number, int words, const std::vector<int32_t>& answer, bool labelled) {
    Random random(static_cast<uint64_t>(number), RandomPurpose::question);
    const auto offset = static_cast<int32_t>(batch_.tokens.size());
    const auto patches = static_cast<int32_t>(config_.vision.patches());
    const int32_t prefix = patches + words;
    batch_.sequence_offsets.push_back(offset);
    batch_.sample_ids.push_back("s" + std::to_string(number));
    for (int32_t i = 0; i < patches; ++i) {
      batch_.image_slots.push_back(offset + i);
      batch_.image_rows.push_back(batch_.image_count * patches + i);
      row(static_cast<int32_t>(config_.image_token), offset, prefix);
    }
    for (int i = 0; i < words; ++i) row(static_cast<int32_t>(4 + random.below(100)), offset, prefix);
    for (size_t i = 0; i < answer.size(); ++i) {
      if (labelled) {
        batch_.label_rows.push_back(offset + prefix - 1 + static_cast<int32_t>(i));
        batch_.label_ids.push_back(answer[i]);
        batch_.label_weights.push_back(1.0F);
      }
      row(answer[i], offset, prefix);
    }
    for (int i = 0; i < 3 * config_.image.size * config_.image.size; ++i)
      batch_.pixels.push_back(static_cast<uint8_t>(random.below(256)));
    ++batch_.image_count;
    return *this;
  }

  VlmConfig config_;
  Batch batch_;
};

}  // namespace dermis::testing
