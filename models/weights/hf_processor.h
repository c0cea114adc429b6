// The files beside the weights that say how pictures and text enter: preprocessor_config.json, processor_config.json,
// tokenizer_config.json, generation_config.json.
#pragma once

#include <string>

#include "models/vlm_config.h"

namespace dermis {

// Reads preprocessor_config.json, else the image_processor part of processor_config.json. `note` (may be null) gets a
// sentence when neither exists and SigLIP's own settings stand in.
ImageFormat load_image_format(const std::string& folder, const VisionConfig& vision, std::string* note);

void save_processor_files(const VlmConfig& config, const std::string& folder);

}  // namespace dermis
