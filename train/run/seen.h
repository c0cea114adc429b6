// What a run will have seen at its end, and that no validation meets any of it.
#pragma once

#include <string>
#include <vector>

#include "data/shard/seen_pictures.h"
#include "train/run/assemble.h"

namespace dermis {

// What the model that the recipe starts from had seen, then the training shards of every stage: for
// train_manifest.json. Error(data) when a stage's validation holds a picture, lesion, patient or leakage group that
// this stage, one before it or the starting model was trained on.
SeenPictures seen_by(const Recipe& recipe, const std::vector<StageShards>& stages);

}  // namespace dermis
