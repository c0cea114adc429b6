// A held-out set must not hold a patient, lesion or picture that training saw.
#pragma once

#include <string>
#include <vector>

#include "data/shard/shard.h"

namespace dermis {

struct Contamination {
  bool checked = false;             // false: the model folder has no train_manifest.json, so nothing can be said
  std::vector<std::string> groups;  // leakage groups that both hold
};

// Reads MODEL/train_manifest.json ({"groups": [...]}), written by training.
Contamination check_contamination(const std::string& model_folder, const ShardManifest& held_out);

// Error(data) with count and first groups when the check found any.
void refuse_contamination(const Contamination& contamination, const std::string& shards);

}  // namespace dermis
