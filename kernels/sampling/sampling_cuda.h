// Choosing the next token of each row of logits on the GPU: temperature, then top-k, then top-p, then one draw, as
// kernels/sampling/sampling.h does on the CPU; temperature 0 takes the largest logit, the first of equals.
//
// Tokens are ordered by their logit, the largest first, equals by index. What is kept is a beginning of this order: the
// first top_k, and of those the fewest whose probabilities reach top_p of their sum. The draw is the first token at
// which the probabilities, added in this order, exceed `uniform` times the sum of those kept. The same uniform number
// gives the token that the CPU gives, but for what rounding can shift:
//   logits count as equal when their distances to the largest, in units of 2^-25 binary orders of magnitude of
//   probability, are (below what fp32 logits resolve, except very close to the largest);
//   weights are integers of 31 bits, so that their sums do not depend on the order of threads: a token of less than
//   2^-32 of the largest probability is never drawn.
// NaN logits count as -infinity. A row without a logit above -infinity gives token 0.
#pragma once

#include "kernels/machine/matrix.h"

namespace dermis {

constexpr int32_t kLargestSamplingVocabulary = 1 << 20;

// One block a row; the row is read once for temperature 0, else 3 to 5 times, from the cache after the first (more
// often where more than 4,096 tokens share a thirty-second of a binary order of magnitude with the cut). Returns 0 or a
// cudaError_t; cudaErrorInvalidValue for a vocabulary above the limit.
struct SamplingParams {
  ElementType type = ElementType::fp32;  // of logits
  InputRows logits = {};                 // [rows, vocabulary]
  const double* uniforms = nullptr;      // [rows] in [0, 1); unread for temperature 0
  int32_t* tokens = nullptr;             // [rows]
  int64_t rows = 0;
  int32_t vocabulary = 0;
  float temperature = 1;  // 0: greedy
  int32_t top_k = 0;      // 0: off
  double top_p = 1;       // 1: off
};
int launch_sampling(const SamplingParams& params, void* stream);

}  // namespace dermis
