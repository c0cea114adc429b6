// The decoder's inputs: scaled word embeddings, image features in their slots; and the gathering of rows.
#pragma once

#include <ATen/core/Tensor.h>

#include "models/layers/packed_batch.h"

namespace dermis {

// Words: embedding row times `scale` (Gemma: sqrt(C)). Images: the projected feature as it is, unscaled: transformers
// divided it by the same factor for a while, which cancels. weight_VC [V, C], features [N * M, C] (undefined without
// images). Returns [T, C]; differentiable in both.
at::Tensor embed_tokens(const at::Tensor& weight_VC, const at::Tensor& features, const PackedBatch& batch,
                        double scale);

// x[rows], rows distinct. Differentiable in x.
at::Tensor gather_rows(const at::Tensor& x_TC, const at::Tensor& rows);

}  // namespace dermis
