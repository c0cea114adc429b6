// Random batches of a fixed geometry, without disk: what `bench train` runs on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/contract.h"
#include "models/vlm_config.h"

namespace dermis {

struct TrainGeometry {
  std::string preset{};
  int prompt_tokens = 24;            // bos and separator among them
  std::vector<int> answer_tokens{};  // of each sequence, eos among them; one picture a sequence
};

// "nano": 24 + 24 tokens, batch 16; "small": 32 + 48, batch 8. mixed: answers evenly spread from a sixth to eleven
// sixths of that, with the same mean. Error(usage) for another name.
TrainGeometry train_geometry(const std::string& preset, bool mixed, int batch = 0);

Batch random_batch(const VlmConfig& config, const TrainGeometry& geometry, uint64_t seed);

// Multiply-adds of a step's forward and backward pass (backward = twice forward), counted as two operations each:
// matrix products and visible attention pairs, padding not counted.
double step_flops(const VlmConfig& config, const TrainGeometry& geometry);

// The numbers that the peer needs, as JSON.
std::string geometry_json(const VlmConfig& config, const TrainGeometry& geometry);

}  // namespace dermis
