// Sizes whose bytes can be counted by hand, and that the emulated GPU runs at once.
#pragma once

#include "benchmarks/operators/sizes.h"

namespace dermis::testing {

constexpr OperatorSizes kSmallSizes{.tokens = 5,
                                    .width = 24,
                                    .heads = 2,
                                    .head_size = 16,
                                    .gate_tokens = 3,
                                    .gate_width = 16,
                                    .patches = 4,
                                    .tower_width = 24,
                                    .tower_hidden = 20,
                                    .image_tokens = 2,
                                    .vocabulary = 11,
                                    .word_width = 16,
                                    .label_rows = 3,
                                    .tensors = 2,
                                    .numbers = 21,
                                    .gradients = 3,
                                    .sampled_rows = 2,
                                    .logit_count = 100,
                                    .images = 1,
                                    .image_size = 5};

}  // namespace dermis::testing
