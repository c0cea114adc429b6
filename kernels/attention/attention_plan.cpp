#include "kernels/attention/attention_plan.h"

#include <algorithm>

namespace dermis {

namespace {

// Uses of VisibleKeys::kept(); those of attention_intervals.cpp have a smaller number in the upper 16 bits.
constexpr uint64_t kSegments = uint64_t{0xFFFF} << 48, kTransposed = kSegments + 1;

AttentionSegments cut(const VisibleKeys& visible) {
  AttentionSegments result;
  const std::span<const int32_t> lo = visible.lo(), hi = visible.hi();
  const int32_t rows = visible.row_count();
  int32_t keys_done = 0;
  for (int32_t row = 0; row < rows;) {
    const auto first = static_cast<size_t>(row);
    int32_t end = row + 1;
    if (lo[first] == hi[first]) {
      while (end < rows && lo[static_cast<size_t>(end)] == hi[static_cast<size_t>(end)]) ++end;
      result.blind_rows.push_back({row, end});
    } else {
      int64_t area = hi[first] - lo[first];
      // A row without keys cannot pass this test: its lower end is its upper end, at or beyond the row before.
      for (; end < rows && lo[static_cast<size_t>(end)] < hi[static_cast<size_t>(end - 1)]; ++end) {
        area += hi[static_cast<size_t>(end)] - lo[static_cast<size_t>(end)];
      }
      const IndexRange keys{lo[first], hi[static_cast<size_t>(end - 1)]};
      if (keys.begin > keys_done) result.unseen_keys.push_back({keys_done, keys.begin});
      keys_done = keys.end;
      result.segments.push_back({{row, end}, keys, area});
    }
    row = end;
  }
  if (keys_done < visible.key_count()) result.unseen_keys.push_back({keys_done, visible.key_count()});
  return result;
}

}  // namespace

std::shared_ptr<const AttentionSegments> segments_of(const VisibleKeys& visible) {
  const auto make = [&] { return std::make_shared<const AttentionSegments>(cut(visible)); };
  return std::static_pointer_cast<const AttentionSegments>(visible.kept(kSegments, make));
}

std::shared_ptr<const VisibleKeys> transposed_of(const VisibleKeys& visible) {
  const auto make = [&] { return std::make_shared<const VisibleKeys>(visible.transposed()); };
  return std::static_pointer_cast<const VisibleKeys>(visible.kept(kTransposed, make));
}

std::vector<IndexRange> equal_runs(IndexRange rows, int64_t most) {
  const int64_t count = (rows.size() + most - 1) / most;
  std::vector<IndexRange> runs;
  for (int64_t i = 0; i < count; ++i) {
    runs.push_back({rows.begin + static_cast<int32_t>(i * rows.size() / count),
                    rows.begin + static_cast<int32_t>((i + 1) * rows.size() / count)});
  }
  return runs;
}

std::vector<IndexRange> equal_areas(const VisibleKeys& visible, const AttentionSegment& segment, int64_t count,
                                    int64_t unit) {
  std::vector<IndexRange> runs;
  int64_t area = 0;
  IndexRange run{segment.rows.begin, segment.rows.begin};
  for (int32_t row = segment.rows.begin; row < segment.rows.end; ++row) {
    area += visible.hi()[static_cast<size_t>(row)] - visible.lo()[static_cast<size_t>(row)];
    run.end = row + 1;
    const int64_t due = segment.area * static_cast<int64_t>(runs.size() + 1) / count;
    if (run.end == segment.rows.end || (area >= due && run.size() % unit == 0)) {
      runs.push_back(run);
      run = {run.end, run.end};
    }
  }
  return runs;
}

}  // namespace dermis
