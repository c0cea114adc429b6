// What a model said about one question of a held-out set: one line of predictions.jsonl.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "infer/engine/views.h"

namespace dermis {

struct Prediction {
  std::string id;  // record id, "#k" appended for turn k > 0
  std::string item, group, label, question_type;
  std::map<std::string, std::string> strata;
  int64_t sample = 0;  // index in the shards: where the picture is
  std::string question, expected;
  std::vector<std::string> options;   // closed question
  std::vector<double> probabilities;  // one an option
  std::string predicted;              // most likely option, or the generated text
  bool valid = true;                  // closed: always; open: a non-empty answer
  bool finished = true;               // false: the answer was cut at the token limit
  double log_likelihood = 0;

  bool closed() const { return !options.empty(); }
};

nlohmann::ordered_json to_json(const Prediction& prediction);
Prediction prediction_from_json(const nlohmann::ordered_json& json, const std::string& where);

// The first line of predictions.jsonl: what the lines below it were made with. Two runs may share a file only if these
// agree.
struct PredictionHeader {
  std::string model, model_digest, shards, shards_fingerprint, engine_version;
  Views views;
  int max_new_tokens = 0;
  std::string precision = "fp32";                                        // of the computation
  nlohmann::ordered_json correction = nlohmann::ordered_json::object();  // of answers (answer_correction.h)
};
nlohmann::ordered_json to_json(const PredictionHeader& header);

}  // namespace dermis
