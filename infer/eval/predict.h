// Runs a model over the questions of a shard folder. Every answer is on disk before the next batch starts, so a stopped
// run goes on where it was.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/shard/shard.h"
#include "infer/engine/engine.h"
#include "infer/eval/answer_correction.h"
#include "infer/eval/prediction.h"

namespace dermis {

struct EvalOptions {
  std::string out;                          // folder of predictions.jsonl
  std::string model_digest;                 // of the engine's folder: an earlier run must have had the same
  std::vector<std::string> question_types;  // empty: all
  int images_per_batch = 8;
  Views views;  // averaged for closed questions
  int max_new_tokens = 48;
  AnswerCorrection correction;  // of closed questions; empty: answers as the model gives them
  int64_t limit = 0;            // pictures; 0: all
  bool restart = false;         // drop what an earlier run left
};

// Predictions in the order of the shards: those of an earlier run of the same model, shards and settings are kept, the
// rest is computed. Error(usage) when the folder holds predictions made with something else. `progress` gets (pictures
// done, pictures in all).
std::vector<Prediction> predict(const Engine& engine, const ShardReader& shards, const EvalOptions& options,
                                const std::function<void(int64_t, int64_t)>& progress = {});

// predictions.jsonl of a folder, with its header line.
struct StoredPredictions {
  nlohmann::ordered_json header;
  std::vector<Prediction> predictions;
};
StoredPredictions read_predictions(const std::string& folder);

}  // namespace dermis
