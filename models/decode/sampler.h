// Choosing the next token from a row of logits.
#pragma once

#include <cstdint>
#include <span>

#include "models/decode/generate.h"

namespace dermis {

// Temperature, then top-k, then top-p, as transformers orders them; temperature 0 takes the largest logit (the first of
// equals). The draw is keyed by (seed, sequence, step) alone.
int32_t choose_token(std::span<const float> logits, const GenerateOptions& options, int64_t sequence, int64_t step);

// log softmax(logits)[token], in fp64.
double log_probability(std::span<const float> logits, int32_t token);

// Error(usage) for a temperature below 0, top_k below 0, top_p outside (0, 1], max_new_tokens below 1.
void check_options(const GenerateOptions& options);

}  // namespace dermis
