// Softmax cross-entropy of rows of logits on the GPU: the part of linear_cross_entropy between its matrix products.
// LibTorch makes the logits of a chunk of label rows, this turns them into the rows' losses and, in place, into the
// loss's gradient, from which LibTorch makes the gradients of x and weight.
//
// With z = logits, or softcap * tanh(logits / softcap), and p = softmax(z):
//   losses[row] = -scales[row] * log p[label],  gradient = scales[row] * (p - onehot(label)) * dz/dlogits.
// Arithmetic is fp32. The label's p - 1 is made from the sum of the others and keeps its digits when p is close to 1.
#pragma once

#include "kernels/machine/matrix.h"

namespace dermis {

// Columns that one block takes: the softmax runs over chunks of the vocabulary, whose maxima and sums meet in
// `scratch`.
constexpr int32_t kCrossEntropySegment = 8192;

// Floats of scratch a row.
DERMIS_HOST_DEVICE constexpr int64_t cross_entropy_scratch(int32_t vocabulary) {
  return 2 * ceil_div(vocabulary, kCrossEntropySegment) + 1;
}

// No alignment is required; rows at multiples of 16 bytes are moved 16 bytes at a time. Labels are not checked.
// Bytes moved: rows * vocabulary * element size * 3 (1 without the gradient); chunks that fit the second-level cache
// leave 2 to memory. Returns 0 or a cudaError_t; cudaErrorInvalidValue for 2^31 rows * segments or more.
struct CrossEntropyParams {
  ElementType type = ElementType::fp32;  // of logits
  OutputRows logits = {};                // [rows, vocabulary]; replaced by their gradient when that is wanted
  const int32_t* labels = nullptr;       // [rows], 0 <= label < vocabulary
  const float* scales = nullptr;         // [rows]: weight / divisor
  float* losses = nullptr;               // [rows]
  float* scratch = nullptr;              // [rows, cross_entropy_scratch(vocabulary)]
  int64_t rows = 0;
  int32_t vocabulary = 0;
  float softcap = 0;  // 0: none
  bool with_gradient = true;
};
int launch_cross_entropy(const CrossEntropyParams& params, void* stream);

}  // namespace dermis
