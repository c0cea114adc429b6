#include "train/run/seen.h"

#include <fmt/format.h>

#include "core/error.h"
#include "data/shard/known_pictures.h"

namespace dermis {
namespace {

void check_disjoint(const SeenPictures& seen, const ShardReader& validation, const std::string& stage) {
  const Recognition found = recognise(seen, validation);
  if (found.known.empty()) return;
  throw Error(ErrorKind::data, {.what = "a validation set holds what the model was trained on",
                                .where = fmt::format("stage {}, {}", stage, validation.folder()),
                                .expected = "no picture, lesion, patient or leakage group of this stage's training "
                                            "shards, of earlier stages' or of model.start's",
                                .found = describe(found),
                                .fix = "make the shards from one split (dermis data split, dermis data shard)"});
}

}  // namespace

SeenPictures seen_by(const Recipe& recipe, const std::vector<StageShards>& stages) {
  SeenPictures seen;
  if (!recipe.model.start.empty()) seen = read_train_manifest(recipe.model.start);
  for (size_t i = 0; i < stages.size(); ++i) {
    seen.stages.push_back(recipe.stages[i].name);
    for (const auto& shard : stages[i].training) seen.add(*shard);
    for (const auto& shard : stages[i].validation) check_disjoint(seen, *shard, recipe.stages[i].name);
  }
  return seen;
}

}  // namespace dermis
