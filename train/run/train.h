// A whole training run: a recipe and a folder in, a model out.
#pragma once

#include <string>

#include "train/recipe/recipe.h"

namespace dermis {

struct TrainOptions {
  std::string out;              // run folder
  bool resume = false;          // go on from the newest whole checkpoint; a fresh folder starts from the beginning
  bool changed_recipe = false;  // resume although the recipe differs
};

struct TrainSummary {
  std::string model_folder;
  int64_t steps = 0;
  double seconds = 0;  // of this session
};

// Fills OUT: recipe.toml (resolved), log.jsonl, events.out.tfevents.*, checkpoints/, and at the end model/, a Hugging
// Face folder with train_manifest.json. A resumed run ends in the weights of an uninterrupted one, bit for bit on the
// CPU with an equal number of threads. Errors: usage (OUT holds another run), data (recipe, shards, tokenizer or
// checkpoint do not fit; diverged, exit code 3; disk full), interrupted after a signal (exit code 130), with the state
// saved.
TrainSummary train(const ResolvedConfig<Recipe>& recipe, const TrainOptions& options);

}  // namespace dermis
