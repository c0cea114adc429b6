// Which tokens the sequences of a batch have in a key/value cache, and where they lie.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/attention/device/decode_launch.h"

namespace dermis {

// A value: nothing changes it after construction. It is made once a decoding step, and all layers share what a GPU
// needs of it.
class CachedSequences {
 public:
  // Of caches [B, S_max, G, D]: token j of sequence b is row j of block b. Throws Error(usage) for a length below 0.
  static CachedSequences contiguous(std::vector<int32_t> lengths);
  // Of caches [pages, 64, G, D]: token j of sequence b is row j % 64 of page page_table_BP[b][j / 64]. The table is
  // int32 and on the CPU, so that its entries are checked before a kernel follows them. Entries of tokens that a call
  // does not read, past the sequence's end or before its window, may be anything. Throws Error(usage) for a table of
  // another shape, type or device, or with fewer pages than a length needs.
  static CachedSequences paged(std::vector<int32_t> lengths, const at::Tensor& page_table_BP);

  int64_t count() const { return static_cast<int64_t>(lengths_.size()); }
  int32_t length(int64_t sequence) const { return lengths_[static_cast<size_t>(sequence)]; }
  bool is_paged() const { return paged_; }
  int64_t max_pages() const { return max_pages_; }  // of a sequence, as the table is wide
  int32_t page(int64_t sequence, int64_t index) const {
    return page_table_[static_cast<size_t>(sequence * max_pages_ + index)];
  }

  // Block and row of the cache that hold a token.
  struct Place {
    int32_t block, row;
  };
  Place place(int64_t sequence, int32_t token) const {
    if (!paged_) return {static_cast<int32_t>(sequence), token};
    return {page(sequence, token / kPageTokens), token % kPageTokens};
  }

  // For kernels: pointers into `storage`, one int32 tensor.
  struct OnDevice {
    at::Tensor storage;
    const int32_t* begins = nullptr;      // [B] zeros
    const int32_t* ends = nullptr;        // [B] the lengths
    const int32_t* page_table = nullptr;  // [B, max_pages]; nullptr: not paged
  };
  // Made at the first call for a device and kept as long as a copy of this object lives. Thread safe.
  std::shared_ptr<const OnDevice> on(at::Device device) const;

 private:
  struct Kept;
  CachedSequences(std::vector<int32_t> lengths, std::vector<int32_t> page_table, int64_t max_pages, bool paged);

  std::vector<int32_t> lengths_, page_table_;
  int64_t max_pages_ = 0;
  bool paged_ = false;
  std::shared_ptr<Kept> kept_;
};

}  // namespace dermis
