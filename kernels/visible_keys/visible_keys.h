// Which keys each query row may see: row i sees keys lo[i] <= j < hi[i], with lo and hi non-decreasing. Every mask a
// VLM needs (full, causal, prefix-LM, window, image blocks, packed sequences, cache) is of this form, and so is its
// transpose.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace dermis {

enum class TileClass { skip, full, partial };

class VisibleKeys {
 public:
  VisibleKeys() = default;
  // Throws Error(usage) with the first offending row when an interval leaves [0, key_count] or is not monotone.
  VisibleKeys(std::vector<int32_t> lo, std::vector<int32_t> hi, int32_t key_count);

  // Sequences of the given lengths, packed; every row sees its whole sequence.
  static VisibleKeys packed_full(std::span<const int32_t> lengths);
  static VisibleKeys packed_causal(std::span<const int32_t> lengths);
  // The first prefix[b] rows of sequence b see the prefix both ways, the rest is causal.
  static VisibleKeys packed_prefix_lm(std::span<const int32_t> lengths, std::span<const int32_t> prefixes);

  int32_t row_count() const { return static_cast<int32_t>(lo_.size()); }
  int32_t key_count() const { return key_count_; }
  std::span<const int32_t> lo() const { return lo_; }
  std::span<const int32_t> hi() const { return hi_; }

  // Keys at most window - 1 before the row's own key (query row i sits at key i + key_count - row_count).
  VisibleKeys windowed(int32_t window) const;
  VisibleKeys select_rows(std::span<const int32_t> rows) const;  // rows ascending
  VisibleKeys transposed() const;                                // rows become keys
  TileClass tile(int32_t row_begin, int32_t row_end, int32_t key_begin, int32_t key_end) const;
  int64_t area() const;  // visible (row, key) pairs: what FLOP counts use

 private:
  std::vector<int32_t> lo_, hi_;
  int32_t key_count_ = 0;
};

}  // namespace dermis
