// What the operators are timed on.
#pragma once

#include <cstdint>

namespace dermis {

struct OperatorSizes {
  int64_t tokens, width;              // of the decoder: rows of RMSNorm, RoPE and the embedding
  int64_t heads, head_size;           // RoPE
  int64_t gate_tokens, gate_width;    // the decoder's MLP
  int64_t patches, tower_width;       // of the vision tower: rows of LayerNorm
  int64_t tower_hidden;               // the tower's MLP
  int64_t image_tokens;               // of `tokens`, those that hold image features
  int64_t vocabulary, word_width;     // the embedding, which is the head too
  int64_t label_rows;                 // that the head runs on
  int64_t tensors, numbers;           // of parameters, and in each
  int64_t gradients;                  // tensors of `numbers` whose norm is taken
  int64_t sampled_rows, logit_count;  // rows of logits, and logits in each
  int64_t images, image_size;
};

// PaliGemma 3B in bf16, 32,768 tokens a batch: every tensor of a row operator is larger than a second-level cache.
OperatorSizes gpu_operator_sizes();
// fp32 tensors of 3 to 25 MB: the pages of larger ones would come from the system at every call, and be timed too.
OperatorSizes cpu_operator_sizes();

}  // namespace dermis
