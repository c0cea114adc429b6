#include "benchmarks/operators/sizes.h"

namespace dermis {

OperatorSizes gpu_operator_sizes() {
  return {.tokens = 32768,
          .width = 2048,
          .heads = 8,
          .head_size = 256,
          .gate_tokens = 8192,
          .gate_width = 16384,
          .patches = 65536,
          .tower_width = 1152,
          .tower_hidden = 4304,
          .image_tokens = 16384,
          .vocabulary = 257216,
          .word_width = 2048,
          .label_rows = 2048,
          .tensors = 16,
          .numbers = int64_t{1} << 22,
          .gradients = 128,
          .sampled_rows = 64,
          .logit_count = 257216,
          .images = 512,
          .image_size = 224};
}

OperatorSizes cpu_operator_sizes() {
  return {.tokens = 1024,
          .width = 2048,
          .heads = 8,
          .head_size = 256,
          .gate_tokens = 512,
          .gate_width = 4096,
          .patches = 1024,
          .tower_width = 1152,
          .tower_hidden = 4304,
          .image_tokens = 512,
          .vocabulary = 8192,
          .word_width = 768,
          .label_rows = 512,
          .tensors = 4,
          .numbers = int64_t{1} << 20,
          .gradients = 16,
          .sampled_rows = 2,
          .logit_count = 257216,
          .images = 32,
          .image_size = 224};
}

}  // namespace dermis
