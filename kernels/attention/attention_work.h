// The work of one attention call over CPU tensors: sizes, packed keys, and the runs of rows that threads take.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_kernels.h"
#include "kernels/attention/attention_plan.h"

namespace dermis {

struct AttentionProblem {
  AttentionProblem(const AttentionKernels& kernels, const at::Tensor& q_THD, const at::Tensor& k_SGD,
                   const VisibleKeys& visible, const AttentionOptions& options);

  const AttentionKernels& kernels;
  const VisibleKeys& visible;
  int64_t T, S, H, G, D;
  int64_t group, block_tokens;  // query heads a key head; tokens whose folded rows make a block
  AttentionHeads heads;
  float scale, key_factor;  // key_factor: from sums over queries as packed to the gradient of keys

  int64_t natural_floats(int64_t rows) const;     // of natural panels of so many rows of D
  int64_t transposed_floats(int64_t rows) const;  // of transposed panels

  // Rows from `row` on of the heads of key head g.
  AttentionQueries queries(const at::Tensor& q_THD, IndexRange rows, const AttentionSegment& segment, int64_t g) const;
  ConstRows const_rows(const at::Tensor& x_THD, int64_t row, int64_t g) const;
  MutableRows rows(const at::Tensor& x_THD, int64_t row, int64_t g) const;
  AttentionStatistics statistics(const at::Tensor& statistics_2HT, int64_t row, int64_t g) const;
};

// The keys of one (segment, head) in the layouts that a pass takes.
struct KeyPanels {
  const float *k_natural = nullptr, *k_transposed = nullptr, *v_natural = nullptr, *v_transposed = nullptr;
};

class KeyPacker {
 public:
  enum class Pass { forward, backward };
  KeyPacker(const AttentionProblem& problem, const at::Tensor& k_SGD, const at::Tensor& v_SGD, Pass pass)
      : problem_(problem), k_SGD_(k_SGD), v_SGD_(v_SGD), pass_(pass) {}
  int64_t floats(const AttentionSegment& segment) const;
  KeyPanels pack(const AttentionSegment& segment, int64_t g, float* to) const;
  KeyPanels panels(const AttentionSegment& segment, const float* packed) const;  // of what pack() wrote

 private:
  const AttentionProblem& problem_;
  const at::Tensor &k_SGD_, &v_SGD_;
  Pass pass_;
};

// A run of rows of one segment for one key head.
struct AttentionWork {
  const AttentionSegment* segment;
  IndexRange rows;
  int64_t g;
  int64_t first;   // index of the first work of the same (segment, head)
  int64_t runs;    // works of the same (segment, head)
  int64_t packed;  // offset of the (segment, head)'s panels in `shared`, -1 when its only work packs them itself
};

// A segment that one work covers is packed by that work, so that its panels are in the cache when they are used; the
// keys of others are packed once for all of their works.
struct AttentionWorks {
  std::vector<AttentionWork> works;
  at::Tensor shared;

  // Panels of a work's keys. Those that the work packs itself go to `scratch`, which moves behind them.
  KeyPanels keys_of(const AttentionWork& work, const KeyPacker& packer, float*& scratch) const;
};

AttentionWorks attention_works(const AttentionProblem& problem, const std::vector<AttentionSegment>& segments,
                               const KeyPacker& packer,
                               const std::function<std::vector<IndexRange>(const AttentionSegment&)>& cut);

void zero_rows(const at::Tensor& x, const std::vector<IndexRange>& rows);

}  // namespace dermis
