// Question types that a recipe names, against those that its shards hold.
#pragma once

#include <string>
#include <vector>

#include "train/run/assemble.h"

namespace dermis {

// `key`: of the stage in the recipe, "stages[0]". Error(data) for a name in question_weights or accuracy_questions that
// neither the shards nor their field know. Returns a note for each that the field knows and these shards do not hold.
std::vector<std::string> check_question_types(const StageRecipe& stage, const std::string& key,
                                              const StageShards& shards);

}  // namespace dermis
