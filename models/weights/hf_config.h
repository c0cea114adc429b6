// config.json of Hugging Face: today's complete form and the sparse one of published models, whose absent values are
// the library's defaults (PaliGemmaConfig, GemmaConfig, SiglipVisionConfig of transformers).
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "models/vlm_config.h"

namespace dermis {

// `file` is named in errors. Error(data): another model family, an option that this engine does not compute (another
// activation, rope scaling, attention bias, untied head), a field of the wrong kind.
VlmConfig config_from_json(const nlohmann::json& json, const std::string& file);
nlohmann::ordered_json config_to_json(const VlmConfig& config);

}  // namespace dermis
