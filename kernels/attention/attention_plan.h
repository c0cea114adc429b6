// How an interval mask is cut into independent work. The cut depends on sizes alone, never on the number of threads, so
// that results are the same bit for bit however many run.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/visible_keys/visible_keys.h"

namespace dermis {

struct IndexRange {
  int32_t begin = 0, end = 0;
  int32_t size() const { return end - begin; }
};

// Rows that share keys, directly or through each other, and exactly those keys: every row sees at least one of the keys
// and every key is seen by at least one of the rows. No other row sees any of them.
struct AttentionSegment {
  IndexRange rows, keys;
  int64_t area = 0;  // visible pairs
};

struct AttentionSegments {
  std::vector<AttentionSegment> segments;
  std::vector<IndexRange> blind_rows;   // see no key
  std::vector<IndexRange> unseen_keys;  // seen by no row
};

// Made at the first call for a VisibleKeys and kept beside it: all layers of a forward and backward pass share them.
std::shared_ptr<const AttentionSegments> segments_of(const VisibleKeys& visible);
std::shared_ptr<const VisibleKeys> transposed_of(const VisibleKeys& visible);

// Rows in runs of equal length, at most `most` (and at least one row) each.
std::vector<IndexRange> equal_runs(IndexRange rows, int64_t most);

// Rows in `count` runs or fewer of about equal area, each but the last a multiple of `unit` rows.
std::vector<IndexRange> equal_areas(const VisibleKeys& visible, const AttentionSegment& segment, int64_t count,
                                    int64_t unit);

}  // namespace dermis
