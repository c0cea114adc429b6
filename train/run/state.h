// Where a run stands, beside its tensors: what state.json of a checkpoint holds.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "train/loop/best.h"
#include "train/loop/divergence_guard.h"
#include "train/recipe/recipe.h"

namespace dermis {

struct RunState {
  int stage = 0;                // index; equal to the number of stages when all is done
  int64_t step = 0;             // updates of this stage
  int64_t steps_before = 0;     // of the stages before
  int64_t planned_steps = 0;    // of this stage; 0: its time budget is still being measured
  int64_t batches = 0;          // data cursor of this stage
  int64_t validated_step = -1;  // of this stage; -1: none yet
  double elapsed_s = 0;         // of this stage, over all sessions
  int64_t average_updates = 0;
  BestSoFar best{};  // step counts over the whole run
  DivergenceGuard::State guard{};

  int64_t total_step() const { return steps_before + step; }
};

// What must be the same when a run goes on.
struct RunIdentity {
  std::string recipe{};             // digest of all that changes the weights, without paths
  std::string recipe_text{};        // the same as TOML; "" in checkpoints that keep the digest alone
  std::string tokenizer{};          // SHA-256
  std::vector<std::string> data{};  // fingerprints of all shard folders in the order of the recipe
  int threads = 0;                  // of the computation: another number changes the last bits
};

nlohmann::ordered_json to_json(const RunState& state, const RunIdentity& identity);
RunState run_state_from_json(const nlohmann::ordered_json& json);  // throws nlohmann's exception for a missing field
RunIdentity run_identity_from_json(const nlohmann::ordered_json& json);

// Error(data) naming what differs; of a recipe, which passes when `allow_changed_recipe`, every key with both values.
// Returns a note when the numbers of threads differ, else "".
std::string check_identity(const RunIdentity& stored, const RunIdentity& now, const Recipe& recipe,
                           bool allow_changed_recipe, const std::string& checkpoint);

}  // namespace dermis
