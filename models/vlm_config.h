// What a vision-language model is made of, as numbers. One struct for every family: a family is a table of facts.
// Read from and written to Hugging Face's config.json (models/weights/hf_config.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/contract.h"

namespace dermis {

struct VisionConfig {  // SigLIP tower
  int64_t image_size = 224;
  int64_t patch_size = 14;
  int64_t hidden = 1152;
  int64_t mlp = 4304;
  int64_t layers = 27;
  int64_t heads = 16;
  double layer_norm_eps = 1e-6;
  int64_t patches() const { return (image_size / patch_size) * (image_size / patch_size); }
  int64_t head_size() const { return hidden / heads; }
};

struct LanguageConfig {         // Gemma decoder
  int64_t vocabulary = 257216;  // rows of the embedding, padding rows included
  int64_t hidden = 2048;
  int64_t mlp = 16384;
  int64_t layers = 18;
  int64_t heads = 8;
  int64_t kv_heads = 1;
  int64_t head_size = 256;
  double rms_norm_eps = 1e-6;
  double rope_base = 10000;
  int64_t max_positions = 8192;
};

struct VlmConfig {
  std::string family = "paligemma";
  VisionConfig vision;
  LanguageConfig language;
  int64_t image_token = 257152;
  int32_t bos = 2, eos = 1, pad = 0;
  ImageFormat image;  // from preprocessor_config.json

  PromptFormat prompt_format() const;
  int64_t parameter_count() const;
  void validate() const;  // Error(data) naming the field that does not fit
  // Makes room for a tokenizer of `pieces` pieces: the image token is the first id beyond them, the embedding is padded
  // to a multiple of 64 rows.
  void fit_vocabulary(int64_t pieces);
};

// Presets: "nano", "small", "demo" (the demo's geometry). Error(usage) with the nearest known name.
VlmConfig preset(const std::string& name);
std::vector<std::string> preset_names();

}  // namespace dermis
