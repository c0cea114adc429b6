// From a recipe's names to things: tokenizer, model, shards.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "data/shard/shard.h"
#include "data/text/tokenizer.h"
#include "models/vlm.h"
#include "train/recipe/recipe.h"

namespace dermis {

// Of the recipe, or of the model it starts from. Error(usage) when the recipe names neither.
Tokenizer open_tokenizer(const ModelRecipe& recipe);

// Random weights of the preset, its vocabulary fitted to the tokenizer; or the weights of `start`. Error(data) when the
// tokenizer does not belong to the model.
Vlm make_model(const Recipe& recipe, const Tokenizer& tokenizer);

struct StageShards {
  std::vector<std::shared_ptr<const ShardReader>> training, validation;
  std::vector<double> weights;
};
// Error(data) when a folder is no shard folder or a training folder is marked as test split.
StageShards open_shards(const StageRecipe& stage);

}  // namespace dermis
