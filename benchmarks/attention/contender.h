// One way to compute a workload's attention: ours or a rival's, on the same numbers.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/attention/workload.h"

namespace dermis {

// In the layout that projections write: q and grad_o [T, heads, D], k and v [S, kv_heads, D].
struct AttentionOperands {
  at::Tensor q, k, v, grad_o;
};
AttentionOperands random_operands(const AttentionWorkload& workload, const at::TensorOptions& options);

class AttentionContender {
 public:
  explicit AttentionContender(std::string name) : name_(std::move(name)) {}
  virtual ~AttentionContender() = default;
  const std::string& name() const { return name_; }

  virtual void forward() = 0;               // without autograd
  virtual void forward_for_backward() = 0;  // keeps what backward needs
  virtual void backward() = 0;              // of the last forward_for_backward; may be repeated
  // Of the last calls, [tokens, heads, D]: o of either forward, gradients of q, k, v of backward.
  virtual std::vector<at::Tensor> results() const = 0;

 private:
  std::string name_;
};

// A differentiable function of q, k and v, given in the layout that it wants.
struct AttentionFunction {
  std::string name;
  AttentionOperands operands;                                   // its own layout
  std::function<at::Tensor(const AttentionOperands&)> forward;  // o in the layout of q
  std::function<at::Tensor(const at::Tensor&)> packed;          // operands' layout -> [tokens, heads, D]
};
std::unique_ptr<AttentionContender> autograd_contender(AttentionFunction function);

// attention() of kernels/attention; attention_decode() where a cache has pages or a window.
std::unique_ptr<AttentionContender> own_attention(const AttentionWorkload& workload, const AttentionOperands& operands);

// A decoding step with its cache as a server holds it: q and grad_o [B, 1, heads, D]; k and v [B, length, kv_heads, D],
// or pages [pages, 64, kv_heads, D] in random order, those of a sequence in a row of the table.
struct CachedBatch {
  AttentionOperands operands;
  at::Tensor page_table;  // int32 [B, pages a sequence] on the CPU; undefined: no pages
};
// Of sequences of one length.
CachedBatch cached_batch(const AttentionWorkload& workload, const AttentionOperands& operands);
bool needs_cached_batch(const AttentionWorkload& workload);

// Dense mask of packed sequences [T, S], bool.
at::Tensor seen_TS(const VisibleKeys& visible);
// Additive mask of a dtype: 0 where seen, -inf elsewhere.
at::Tensor additive_mask(const at::Tensor& seen, const at::TensorOptions& options);

// What transformers gives SDPA without packing: sequences as rows of a batch, padded to the longest, with a dense mask.
struct PaddedBatch {
  AttentionOperands operands;  // [B, longest, heads, D]
  at::Tensor seen;             // [B, 1, longest, longest] bool
  std::function<at::Tensor(const at::Tensor&)> packed;
};
PaddedBatch padded_batch(const AttentionWorkload& workload, const AttentionOperands& operands);

// at::scaled_dot_product_attention on [B, T, heads, D]. `repeat`: key heads are repeated first, as transformers does.
struct SdpaMask {
  at::Tensor additive;  // undefined: none
  bool causal = false;
};
std::function<at::Tensor(const AttentionOperands&)> sdpa(const SdpaMask& mask, int64_t group, bool repeat);

}  // namespace dermis
