// The only types that data and models share: data fills them, models read them, neither includes the other.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace dermis {

// Pillow's resampling filters, numbered as in Hugging Face's preprocessor_config.json ("resample").
enum class ResampleFilter { nearest = 0, lanczos = 1, bilinear = 2, bicubic = 3, box = 4, hamming = 5 };

// What a model wants of a picture. Pixels stay uint8 RGB until the model normalises them: (x / 255 - mean) / std.
struct ImageFormat {
  int size = 224;  // pixels a side; the picture is stretched to size x size without keeping its aspect
  ResampleFilter filter = ResampleFilter::bicubic;
  std::array<float, 3> mean{0.5F, 0.5F, 0.5F};
  std::array<float, 3> std{0.5F, 0.5F, 0.5F};
};

// How a model wants its token sequence (PaliGemma): image_token * tokens_per_image, bos, prompt, separator | answer,
// eos. Everything left of | is the prefix and sees itself in both directions; the rest is causal (prefix-LM).
struct PromptFormat {
  int tokens_per_image = 256;
  int32_t image_token = 257152;
  int32_t bos = 2;
  int32_t eos = 1;
  int32_t pad = 0;
  int32_t first_position = 1;    // Hugging Face counts PaliGemma's positions from 1
  std::string separator = "\n";  // tokenised on its own, between prompt and answer
  int max_tokens = 8192;         // longest sequence the model takes, image tokens included
};

// A packed batch: sequences lie one behind the other on one token axis, without padding.
// T tokens, L label rows, N images of S x S pixels, M feature rows an image, B sequences.
struct Batch {
  std::vector<int32_t> tokens;     // [T]; image_token on rows that hold image features
  std::vector<int32_t> positions;  // [T]; restart at first_position with every sequence, skip patches left out
  std::vector<int32_t>
      visible_lo;  // [T]; row i sees keys visible_lo[i] <= j < visible_hi[i], indices on the packed axis;
  std::vector<int32_t> visible_hi;   // [T]; both non-decreasing
  std::vector<int32_t> label_rows;   // [L] ascending: rows whose hidden state predicts label_ids
  std::vector<int32_t> label_ids;    // [L]
  std::vector<float> label_weights;  // [L]
  std::vector<uint8_t> pixels;       // [N, 3, S, S] RGB planes
  int32_t image_count = 0;           // N
  int32_t image_size = 0;            // S
  // [N * M] which patch of its picture each feature row encodes, ascending in each picture; empty: all patches.
  std::vector<int32_t> kept_patches;
  std::vector<int32_t> image_slots;  // [K] ascending rows of T that hold image features
  std::vector<int32_t>
      image_rows;  // [K] feature row (of N * M) that each slot takes: several questions share one encoded image
  std::vector<int32_t> sequence_offsets;  // [B + 1]; sequence b is rows [offsets[b], offsets[b + 1])
  std::vector<std::string> sample_ids;    // [B] record id of each sequence

  int64_t token_count() const { return static_cast<int64_t>(tokens.size()); }
  int64_t sequence_count() const { return static_cast<int64_t>(sample_ids.size()); }
  double target_tokens() const {  // sum of label weights: what the loss is divided by
    double total = 0;
    for (const float weight : label_weights) total += weight;
    return total;
  }
};

}  // namespace dermis
