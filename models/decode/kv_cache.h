// Keys and values of the tokens a model has seen, one slot a sequence. All slots of a layer lie on one key axis, slot s
// from s * capacity on, so one attention call serves every sequence: an interval never leaves its own slot.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <utility>
#include <vector>

#include "core/contract.h"
#include "kernels/visible_keys/visible_keys.h"
#include "models/placement.h"
#include "models/vlm_config.h"

namespace dermis {

class KvCache {
 public:
  // `capacity`: tokens a slot to make room for at first; slots grow by doubling. Not thread-safe.
  KvCache(const LanguageConfig& config, int64_t slots, int64_t capacity, const Placement& placement = {});

  int64_t slot_count() const { return static_cast<int64_t>(lengths_.size()); }
  int64_t length(int64_t slot) const { return lengths_[static_cast<size_t>(slot)]; }
  int64_t capacity() const { return capacity_; }
  int64_t bytes() const;

  // Which slots the sequences of the next batches are, ascending; at first 0, 1, 2, ...
  void use_slots(std::vector<int64_t> slots);

  // The steps of Vlm::extend: begin reserves rows for the batch's tokens, append stores one layer's new keys and values
  // [T, G, D] and returns the layer's whole axis, end counts the tokens in.
  void begin(const Batch& batch);
  VisibleKeys visible() const;  // the batch's intervals, moved onto the key axis and widened to the earlier tokens
  std::pair<at::Tensor, at::Tensor> append(size_t layer, const at::Tensor& k_TGD, const at::Tensor& v_TGD);
  void end();

 private:
  void grow(int64_t capacity);

  std::vector<at::Tensor> keys_, values_;  // [slots * capacity, G, D] a layer
  std::vector<int64_t> lengths_, slots_;
  int64_t capacity_;
  at::Tensor new_rows_;               // int64 [T]: where the batch's rows go
  std::vector<int64_t> new_lengths_;  // lengths after the batch
  std::vector<int32_t> visible_lo_, visible_hi_;
};

}  // namespace dermis
