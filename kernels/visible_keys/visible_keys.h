// Which keys each query row may see: row i sees keys lo[i] <= j < hi[i], with lo and hi non-decreasing. Every mask a
// VLM needs (full, causal, prefix-LM, window, image blocks, packed sequences, cache) is of this form, and so is its
// transpose.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace dermis {

enum class TileClass { skip, full, partial };

// Tokens that see each other both ways (those of an image): begin <= key < end on the packed key axis.
struct KeyBlock {
  int32_t begin = 0, end = 0;
};

// A value: nothing changes it after construction but assignment. Every row has an own key, the one that its token is;
// windows and blocks go by it.
class VisibleKeys {
 public:
  VisibleKeys() = default;
  // The own key of row i is i + key_count - row_count. Throws Error(usage) with the first offending row when an
  // interval leaves [0, key_count] or is not monotone.
  VisibleKeys(std::vector<int32_t> lo, std::vector<int32_t> hi, int32_t key_count);

  // Sequences of the given lengths, packed; every row sees its whole sequence.
  static VisibleKeys packed_full(std::span<const int32_t> lengths);
  static VisibleKeys packed_causal(std::span<const int32_t> lengths);
  // The first prefix[b] rows of sequence b see the prefix both ways, the rest is causal.
  static VisibleKeys packed_prefix_lm(std::span<const int32_t> lengths, std::span<const int32_t> prefixes);
  // Sequence b has keys[b] keys, and its rows[b] rows are the last of them: what follows a cache. Causal.
  static VisibleKeys packed_cached(std::span<const int32_t> rows, std::span<const int32_t> keys);
  // The same, within a window (0: none), but rows of a block see all of it (Gemma 3). Blocks ascend, do not overlap,
  // and each lies in one sequence.
  static VisibleKeys packed_blocks(std::span<const int32_t> rows, std::span<const int32_t> keys,
                                   std::span<const KeyBlock> blocks, int32_t window = 0);

  int32_t row_count() const { return static_cast<int32_t>(lo_.size()); }
  int32_t key_count() const { return key_count_; }
  std::span<const int32_t> lo() const { return lo_; }
  std::span<const int32_t> hi() const { return hi_; }

  // Of the visible keys those that lie at most window - 1 before the row's own.
  VisibleKeys windowed(int32_t window) const;
  VisibleKeys select_rows(std::span<const int32_t> rows) const;  // rows ascending
  VisibleKeys transposed() const;                                // rows become keys
  TileClass tile(int32_t row_begin, int32_t row_end, int32_t key_begin, int32_t key_end) const;
  int64_t area() const;  // visible (row, key) pairs: what FLOP counts use

  // What others derive from the intervals and want to live as long as they do (copies on a GPU): `make` runs at the
  // first call with a `use`, later calls, those of copies of this object too, get what it made. Thread safe.
  std::shared_ptr<const void> kept(uint64_t use, const std::function<std::shared_ptr<const void>()>& make) const;

 private:
  struct Kept;
  VisibleKeys(std::vector<int32_t> lo, std::vector<int32_t> hi, std::vector<int32_t> own, int32_t key_count);

  std::vector<int32_t> lo_, hi_, own_;
  int32_t key_count_ = 0;
  std::shared_ptr<Kept> kept_;
};

}  // namespace dermis
