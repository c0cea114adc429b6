// Softmax cross-entropy of one row of logits on plain fp32 arrays.
#pragma once

#include <cstdint>

namespace dermis {

struct CrossEntropyRow {
  float* logits;  // [vocabulary]; replaced by the loss's gradient in the logits when with_gradient
  int64_t vocabulary, label;
  float scale;    // weight / divisor: what the gradient is multiplied by
  float softcap;  // 0: none; else the logit is softcap * tanh(logit / softcap)
  bool with_gradient;
};

struct CrossEntropyKernels {
  double (*row)(const CrossEntropyRow&);  // -log softmax(logits)[label]
};
extern const CrossEntropyKernels kCrossEntropyAvx2, kCrossEntropyAvx512;

}  // namespace dermis
