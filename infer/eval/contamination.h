// A held-out set must not hold a patient, lesion or picture that training saw.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "data/shard/known_pictures.h"

namespace dermis {

// Compares the samples of a set with MODEL/train_manifest.json, written by training.
Recognition check_contamination(const std::string& model_folder, const ShardReader& held_out);

// Error(data) with count, reasons and first pictures when the check found any.
void refuse_contamination(const Recognition& contamination, const std::string& shards);

// "contaminated", "not checked" (nothing was found, but not everything could be compared) or "clean".
std::string verdict_of(const Recognition& contamination);
nlohmann::ordered_json to_json(const Recognition& contamination);

}  // namespace dermis
