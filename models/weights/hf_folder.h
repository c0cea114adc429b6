// Models on disk are Hugging Face folders: config.json, model.safetensors (or an index and shards), tokenizer.model,
// preprocessor_config.json, generation_config.json. What dermis saves, transformers loads, and the other way round.
#pragma once

#include <string>
#include <vector>

#include "models/vlm.h"

namespace dermis {

// Every tensor of the files by what became of it; nothing is silent.
struct LoadReport {
  std::vector<std::pair<std::string, std::string>> mapped;  // name in the file -> canonical name
  std::vector<std::string> unused;                          // in the file, not in the model
  std::vector<std::string> converted;                       // dtype changed on the way ("bf16 -> fp32"), with the name
  std::string layout;                                       // which generation of names the file uses
  std::vector<std::string> notes;                           // what was assumed because a file does not say it
};

VlmConfig load_config(const std::string& folder);
// Accepts every generation of tensor names, one file or shards. Missing or misshapen tensors are Error(data) listing
// all.
// Weights are rounded to placement.weights.
Vlm load_model(const std::string& folder, const Placement& placement = {}, LoadReport* report = nullptr);
// Writes the whole folder so that AutoProcessor and PaliGemmaForConditionalGeneration load it. `tokenizer_model` is the
// path of the SentencePiece file to copy in.
void save_model(const Vlm& model, const std::string& folder, const std::string& tokenizer_model);

}  // namespace dermis
