// Decoder inputs: scaled rows of the word embedding on text rows, image features on image slots. Differentiable in
// both.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>

#include "kernels/embedding/row_groups.h"

namespace dermis {

// Which rows of the packed axis hold what; int64 tensors on the device, made once a batch.
struct EmbeddingRows {
  at::Tensor text_rows, text_ids;      // [texts]: rows that hold words, and their token ids
  at::Tensor image_slots, image_rows;  // [images]: rows that hold image features, and which feature
  int64_t token_count = 0;             // text_rows and image_slots together name each of these once

  // Which gradient rows each word and each feature gathers, in a fixed order; for tensors that kernels of ours serve on
  // a GPU, when autograd is on; undefined elsewhere. embed_tokens makes them itself when a gradient is wanted of rows
  // that lack them, which takes the row numbers back to the host.
  struct Gathers {
    at::Tensor targets, offsets, sources;  // row_groups.h
  };
  Gathers words = {}, features = {};
};
EmbeddingRows embedding_rows(std::span<const int32_t> text_rows, std::span<const int32_t> text_ids,
                             std::span<const int32_t> image_slots, std::span<const int32_t> image_rows,
                             at::Device device);

// weight_VC [V, C], features [N * M, C] (undefined without images), on the device of `rows`. Returns [T, C] in the type
// of the weight: embedding row times `scale` (Gemma: sqrt(C)) on text rows, the feature as it is on image slots.
at::Tensor embed_tokens(const at::Tensor& weight_VC, const at::Tensor& features, const EmbeddingRows& rows,
                        double scale);

}  // namespace dermis
