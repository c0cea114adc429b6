// One vision-language model over packed batches: SigLIP tower, linear projector, Gemma decoder with a prefix-LM mask.
// Training, prefill and evaluation take the same path, so a sample's result does not depend on its neighbours.
//
// Shapes: T tokens, L label rows, N images, M features an image, C decoder width, V vocabulary rows.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/contract.h"
#include "models/part.h"
#include "models/placement.h"
#include "models/vlm_config.h"

namespace dermis {

struct Parameter {
  std::string
      name;  // canonical Hugging Face name, layout of today's save_pretrained: "language_model.model.layers.0...."
  at::Tensor tensor;  // leaf, of Placement::weights; the very tensor the model computes with
  Part part;
};

// Intermediates for parity tests; filled when a pointer is passed.
struct Trace {
  at::Tensor vision_embeddings, vision_output, image_features, inputs_embeds, final_norm;
  std::vector<at::Tensor> vision_hidden, hidden;  // after layer i
};

class VlmImpl;
class KvCache;

class Vlm {
 public:
  // Random weights keyed by seed; models/weights/initial.h says how they are drawn.
  Vlm(const VlmConfig& config, uint64_t seed, const Placement& placement = {});
  // All weights zero, to be filled from a file.
  static Vlm uninitialized(const VlmConfig& config, const Placement& placement = {});
  ~Vlm();
  Vlm(Vlm&&) noexcept;
  Vlm& operator=(Vlm&&) noexcept;

  const VlmConfig& config() const;
  const Placement& placement() const;
  std::vector<Parameter> parameters() const;  // fixed order
  void set_trainable(Part part, bool trainable);

  // pixels uint8 [N, 3, S, S] -> normalised [N, 3, S, S] of Placement::compute: (x / 255 - mean) / std.
  at::Tensor normalize(const at::Tensor& pixels_u8) const;
  // normalised pixels -> image features [N * M, C], projected, ready for the decoder; kept_patches as in Batch.
  at::Tensor encode_images(const at::Tensor& pixels, Trace* trace = nullptr,
                           std::span<const int32_t> kept_patches = {}) const;

  // Final-norm hidden states of the batch's label rows [L, C]; differentiable. The last layer computes only those rows.
  // Encodes batch.pixels, or takes `features` when they were encoded before.
  at::Tensor hidden_at_labels(const Batch& batch, const at::Tensor& features = {}) const;
  // Final-norm hidden states of all rows [T, C]; with a trace, every intermediate.
  at::Tensor hidden_all(const Batch& batch, const at::Tensor& features = {}, Trace* trace = nullptr) const;
  const at::Tensor& head_weight() const;  // [V, C], tied with the embedding
  at::Tensor logits(const at::Tensor& hidden) const;

  // Prefill and decode: runs `batch` (label rows unused), appends its keys and values to the cache, one sequence a
  // cache slot, and returns the logits of each sequence's last row [B, V]. No autograd.
  at::Tensor extend(const Batch& batch, KvCache& cache, const at::Tensor& features = {}) const;

 private:
  explicit Vlm(std::unique_ptr<VlmImpl> impl);
  std::unique_ptr<VlmImpl> impl_;
};

}  // namespace dermis
