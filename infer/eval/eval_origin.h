// What an evaluation was made from and with: what a reader needs to make its figures again.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "infer/engine/views.h"
#include "infer/eval/contamination.h"

namespace dermis {

struct EvalOrigin {
  std::string date;            // UTC
  std::string engine_version;  // of dermis, with the commit
  std::string model, model_digest, precision;
  std::string shards, shards_fingerprint, licence;
  int64_t pictures = 0, pictures_in_set = 0;  // fewer than the set has: --limit
  std::vector<std::string> question_types;    // empty: all
  Views views;                                // averaged for closed questions
  std::vector<std::string> notes;             // what was assumed because the model folder does not say it
  Recognition contamination;
};

// "all 600 pictures of the set", "the first 60 of the set's 600 pictures (--limit), ..."
std::string extent_text(const EvalOrigin& origin);
nlohmann::ordered_json to_json(const EvalOrigin& origin);

}  // namespace dermis
