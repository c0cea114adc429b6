// Gemma's decoder (arXiv 2403.08295) over packed rows. Easy to get wrong, each checked by the parity tests:
//   RMSNorm weights are stored as w of (1 + w), also the final norm's
//   word embeddings are scaled by sqrt(hidden) before the first layer, image features are not
//   rotary embedding pairs x[i] with x[i + D / 2] (halves, not neighbours); positions count from 1
//   the gated GELU is the tanh form, gate first; no linear has a bias
//   attention scale is 1 / sqrt(head_size), and head_size is not hidden / heads
//   queries, keys and values differ in width: `heads` query heads share `kv_heads` key/value heads in order
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <vector>

#include "models/decode/kv_cache.h"
#include "models/layers/packed_batch.h"
#include "models/layers/parameter_set.h"
#include "models/vlm.h"

namespace dermis {

class GemmaDecoder {
 public:
  GemmaDecoder(const LanguageConfig& config, const ParameterSet& parameters);

  // inputs [T, C] -> final-norm hidden states: of all rows (`rows` empty), or of `rows` (ascending) alone. Then the
  // last layer computes queries, attention, output projection and MLP for those rows only; its keys and values need
  // every row.
  at::Tensor forward(const at::Tensor& inputs_TC, const PackedBatch& batch, std::span<const int32_t> rows = {},
                     Trace* trace = nullptr) const;
  // The same without autograd, with earlier keys and values from the cache; the new ones are appended to it.
  at::Tensor extend(const at::Tensor& inputs_TC, const PackedBatch& batch, KvCache& cache,
                    std::span<const int32_t> rows) const;

  const at::Tensor& embedding() const { return embedding_; }  // [V, C]; the head is tied to it

 private:
  struct Layer {
    at::Tensor input_norm, output, attention_norm, down;
    ParameterGroup qkv, gate_up;
  };
  struct Heads {
    at::Tensor q_THD, k_SGD, v_SGD;
  };
  struct Run;

  Heads project(const Layer& layer, const at::Tensor& y_TC, const Run& run, bool selected) const;
  at::Tensor attend(size_t index, const at::Tensor& y_TC, const Run& run, bool selected) const;
  at::Tensor run_layers(const at::Tensor& inputs_TC, const Run& run, Trace* trace) const;

  LanguageConfig config_;
  at::Tensor embedding_, final_norm_;
  std::vector<Layer> layers_;
};

}  // namespace dermis
