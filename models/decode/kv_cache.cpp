#include "models/decode/kv_cache.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>

#include "core/error.h"
#include "kernels/operand/index_tensor.h"

namespace dermis {

KvCache::KvCache(const LanguageConfig& config, int64_t slots, int64_t capacity, const Placement& placement)
    : lengths_(static_cast<size_t>(slots), 0), slots_(static_cast<size_t>(slots)), capacity_(capacity) {
  std::iota(slots_.begin(), slots_.end(), 0);
  const auto options = at::TensorOptions().dtype(placement.compute).device(placement.device);
  for (int64_t i = 0; i < config.layers; ++i) {
    // Zeros, not garbage: rows between slots are never visible, but a masked product must not meet a NaN.
    keys_.push_back(at::zeros({slots * capacity, config.kv_heads, config.head_size}, options));
    values_.push_back(at::zeros_like(keys_.back()));
  }
}

int64_t KvCache::bytes() const {
  int64_t total = 0;
  for (const at::Tensor& keys : keys_) total += 2 * static_cast<int64_t>(keys.nbytes());
  return total;
}

void KvCache::use_slots(std::vector<int64_t> slots) {
  DERMIS_CHECK(std::is_sorted(slots.begin(), slots.end()), "slots ascend");
  DERMIS_CHECK(slots.empty() || (slots.front() >= 0 && slots.back() < slot_count()), "slots exist");
  slots_ = std::move(slots);
}

void KvCache::grow(int64_t capacity) {
  const auto move = [&](at::Tensor& stored) {
    at::Tensor wider = at::zeros({slot_count() * capacity, stored.size(1), stored.size(2)}, stored.options());
    for (int64_t s = 0; s < slot_count(); ++s)
      wider.narrow(0, s * capacity, length(s)).copy_(stored.narrow(0, s * capacity_, length(s)));
    stored = wider;
  };
  std::for_each(keys_.begin(), keys_.end(), move);
  std::for_each(values_.begin(), values_.end(), move);
  capacity_ = capacity;
}

void KvCache::begin(const Batch& batch) {
  const size_t sequences = batch.sequence_offsets.empty() ? 0 : batch.sequence_offsets.size() - 1;
  DERMIS_CHECK(sequences == slots_.size(), "one slot a sequence of the batch");
  new_lengths_ = lengths_;
  int64_t longest = 0;
  for (size_t b = 0; b < sequences; ++b) {
    int64_t& length = new_lengths_[static_cast<size_t>(slots_[b])];
    length += batch.sequence_offsets[b + 1] - batch.sequence_offsets[b];
    longest = std::max(longest, length);
  }
  if (longest > capacity_) grow(std::max(longest, 2 * capacity_));

  std::vector<int32_t> rows(batch.tokens.size());
  visible_lo_.resize(rows.size());
  visible_hi_.resize(rows.size());
  for (size_t b = 0; b < sequences; ++b) {
    const int32_t begin = batch.sequence_offsets[b];
    const auto slot = static_cast<int32_t>(slots_[b] * capacity_);
    const int32_t first_new = slot + static_cast<int32_t>(length(slots_[b]));
    for (int32_t row = begin; row < batch.sequence_offsets[b + 1]; ++row) {
      const auto i = static_cast<size_t>(row);
      rows[i] = first_new + row - begin;
      visible_lo_[i] = batch.visible_lo[i] <= begin ? slot : first_new + batch.visible_lo[i] - begin;
      visible_hi_[i] = first_new + batch.visible_hi[i] - begin;
    }
  }
  new_rows_ = index_tensor(rows, keys_.front().device());
}

VisibleKeys KvCache::visible() const {
  return VisibleKeys(visible_lo_, visible_hi_, static_cast<int32_t>(slot_count() * capacity_));
}

std::pair<at::Tensor, at::Tensor> KvCache::append(size_t layer, const at::Tensor& k_TGD, const at::Tensor& v_TGD) {
  keys_[layer].index_copy_(0, new_rows_, k_TGD);
  values_[layer].index_copy_(0, new_rows_, v_TGD);
  return {keys_[layer], values_[layer]};
}

void KvCache::end() { lengths_ = new_lengths_; }

}  // namespace dermis
