// Measures a model on held-out shards: always the same pictures and questions, in the same order, without augmentation.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/shard/shard.h"
#include "data/text/tokenizer.h"
#include "models/vlm.h"
#include "train/recipe/recipe.h"

namespace dermis {

struct ValidationResult {
  double loss = 0;      // mean negative log-likelihood a target token
  double accuracy = 0;  // closed questions, likeliest option, recall averaged over answers; only when asked for
  int64_t images = 0, sequences = 0, closed = 0;
  double seconds = 0;
};

class Validation {
 public:
  // Chooses pictures and questions by `seed`. Error(data) when accuracy chooses the weights and no question counts.
  Validation(std::vector<std::shared_ptr<const ShardReader>> shards, const StageRecipe& stage, uint64_t seed);

  // Nothing when a signal came in meanwhile.
  std::optional<ValidationResult> run(const Vlm& model, const Tokenizer& tokenizer) const;

 private:
  struct Picture {
    const ShardReader* shard;
    int64_t index;
  };
  struct Chunk;
  struct Scores;
  Chunk read_chunk(size_t first, const ImageFormat& format) const;
  std::vector<const Record*> asked(const ShardSample& sample) const;
  void need_closed_question() const;
  bool counted(const Record& record) const;
  void add_options(Chunk& chunk, const Record& record) const;

  std::vector<std::shared_ptr<const ShardReader>> shards_;
  std::vector<Picture> pictures_;
  std::string stage_;
  BatchRecipe batch_;
  ValidationRecipe validation_;
  uint64_t seed_;
};

}  // namespace dermis
