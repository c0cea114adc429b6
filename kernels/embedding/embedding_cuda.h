// Decoder inputs on the GPU: scaled rows of the word embedding, image features in their slots; and the gradient of
// both.
//
// Launchers return 0 or a cudaError_t; cudaErrorInvalidValue for 2^34 numbers or more. Row numbers are not checked on
// the device. No alignment is required; rows at multiples of 16 bytes are moved 16 bytes at a time.
#pragma once

#include "kernels/machine/matrix.h"

namespace dermis {

// out[text_rows[i]] = scale * embedding[text_ids[i]], rounded once; out[image_slots[k]] = features[image_rows[k]].
// Together text_rows and image_slots name each row of out at most once.
// Bytes moved: (texts + images) * width * element size * 2.
struct EmbeddingForwardParams {
  ElementType type = ElementType::fp32;  // of embedding, features, out
  InputRows embedding = {};              // [vocabulary, width]
  InputRows features = {};               // [feature rows, width]; unread without images
  OutputRows out = {};                   // [tokens, width]
  const int64_t* text_rows = nullptr;    // [texts]
  const int64_t* text_ids = nullptr;     // [texts]
  const int64_t* image_slots = nullptr;  // [images]
  const int64_t* image_rows = nullptr;   // [images]
  int64_t texts = 0, images = 0;
  int32_t width = 0;
  float scale = 1;
};
int launch_embedding_forward(const EmbeddingForwardParams& params, void* stream);

// out[targets[g]] = scale * (sum of rows[sources[i]] for offsets[g] <= i < offsets[g + 1]), in fp32, rounded once;
// other rows of out are left as they are. The order of the sum is that of the list, so the result does not change from
// run to run, and no atomics are needed: a block owns its target. Lists are made by group_rows (row_groups.h): the
// gradient of the embedding takes text_ids and text_rows with the forward scale, that of features image_rows and
// image_slots. Bytes moved: (sources + groups) * width * element size.
struct RowSumsParams {
  ElementType type = ElementType::fp32;  // of rows, out
  InputRows rows = {};                   // [any, width]
  OutputRows out = {};                   // [any, width]
  const int64_t* targets = nullptr;      // [groups], distinct
  const int64_t* offsets = nullptr;      // [groups + 1]
  const int64_t* sources = nullptr;      // [offsets[groups]]
  int64_t groups = 0;
  int32_t width = 0;
  float scale = 1;
};
int launch_row_sums(const RowSumsParams& params, void* stream);

}  // namespace dermis
