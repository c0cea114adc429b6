// A Batch as the model computes with it: checked against the configuration, indices as tensors, made once a forward.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <vector>

#include "core/contract.h"
#include "kernels/embedding/embedding.h"
#include "kernels/rope/rope.h"
#include "kernels/visible_keys/visible_keys.h"
#include "models/vlm_config.h"

namespace dermis {

struct PackedBatch {
  EmbeddingRows rows;  // which hold words, which image features
  RopeTable rope;      // [T]
  std::shared_ptr<const VisibleKeys> visible;
};

// Throws Error(data) for what a batch of another tokenizer or model shows: token ids beyond the vocabulary, image slots
// without features, positions beyond the limit; DERMIS_CHECK for lengths that contradict each other.
void check_batch(const Batch& batch, const VlmConfig& config, int64_t feature_rows);

PackedBatch pack_inputs(const Batch& batch, const VlmConfig& config, at::Device device);

// Rows of the table at these row numbers.
RopeTable select_rows(const RopeTable& table, const at::Tensor& rows);

}  // namespace dermis
