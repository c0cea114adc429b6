#include "kernels/visible_keys/visible_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>
#include <utility>

#include "core/error.h"

namespace dermis {

namespace {

[[noreturn]] void refuse(std::string what, std::string where, std::string expected, std::string found) {
  throw Error(ErrorKind::usage, {.what = std::move(what),
                                 .where = std::move(where),
                                 .expected = std::move(expected),
                                 .found = std::move(found),
                                 .fix = "build the intervals per sequence, in the order in which they are packed"});
}

// Start of every sequence on the packed axis, and the end.
std::vector<int32_t> offsets_of(std::span<const int32_t> lengths) {
  std::vector<int32_t> offsets(lengths.size() + 1, 0);
  int64_t total = 0;
  for (size_t b = 0; b < lengths.size(); ++b) {
    if (lengths[b] < 0) {
      refuse("a packed sequence has a negative length", fmt::format("sequence {}", b), "0 or more tokens",
             fmt::format("{}", lengths[b]));
    }
    total += lengths[b];
    if (total > std::numeric_limits<int32_t>::max()) {
      refuse("packed sequences are too long together", fmt::format("sequence {}", b), "at most 2,147,483,647 tokens",
             fmt::format("{}", total));
    }
    offsets[b + 1] = static_cast<int32_t>(total);
  }
  return offsets;
}

std::vector<int32_t> default_own_keys(size_t rows, int32_t key_count) {
  std::vector<int32_t> own(rows);
  std::iota(own.begin(), own.end(), key_count - static_cast<int32_t>(rows));
  return own;
}

void check_blocks(std::span<const KeyBlock> blocks, std::span<const int32_t> key_offsets) {
  for (size_t i = 0; i < blocks.size(); ++i) {
    const auto [begin, end] = blocks[i];
    const int32_t earliest = i == 0 ? 0 : blocks[i - 1].end;
    // The first offset beyond `begin` ends the sequence that `begin` lies in.
    const auto sequence_end = std::upper_bound(key_offsets.begin(), key_offsets.end(), begin);
    if (begin >= earliest && begin < end && sequence_end != key_offsets.end() && end <= *sequence_end) continue;
    refuse("a block of keys does not fit", fmt::format("block {}", i),
           fmt::format("begin >= {} and begin < end, within one sequence", earliest),
           fmt::format("[{}, {})", begin, end));
  }
}

}  // namespace

struct VisibleKeys::Kept {
  std::mutex mutex;
  std::map<uint64_t, std::shared_ptr<const void>> by_use;
};

VisibleKeys::VisibleKeys(std::vector<int32_t> lo, std::vector<int32_t> hi, int32_t key_count)
    : VisibleKeys(std::move(lo), std::move(hi), {}, key_count) {
  own_ = default_own_keys(lo_.size(), key_count_);
}

VisibleKeys::VisibleKeys(std::vector<int32_t> lo, std::vector<int32_t> hi, std::vector<int32_t> own, int32_t key_count)
    : lo_(std::move(lo)),
      hi_(std::move(hi)),
      own_(std::move(own)),
      key_count_(key_count),
      kept_(std::make_shared<Kept>()) {
  if (key_count_ < 0) refuse("the number of keys is negative", "key_count", "0 or more", fmt::format("{}", key_count_));
  if (lo_.size() != hi_.size()) {
    refuse("lower and upper ends of visible keys differ in number", "lo, hi", "one of each a row",
           fmt::format("{} lower and {} upper ends", lo_.size(), hi_.size()));
  }
  for (size_t i = 0; i < lo_.size(); ++i) {
    const auto where = [i] { return fmt::format("row {}", i); };
    if (lo_[i] < 0 || hi_[i] > key_count_ || lo_[i] > hi_[i]) {
      refuse("an interval of visible keys is out of range", where(), fmt::format("0 <= lo <= hi <= {}", key_count_),
             fmt::format("[{}, {})", lo_[i], hi_[i]));
    }
    if (i > 0 && (lo_[i] < lo_[i - 1] || hi_[i] < hi_[i - 1])) {
      refuse("intervals of visible keys are not monotone", where(),
             fmt::format("lo >= {} and hi >= {}, as in the row before", lo_[i - 1], hi_[i - 1]),
             fmt::format("[{}, {})", lo_[i], hi_[i]));
    }
  }
}

VisibleKeys VisibleKeys::packed_full(std::span<const int32_t> lengths) { return packed_prefix_lm(lengths, lengths); }

VisibleKeys VisibleKeys::packed_causal(std::span<const int32_t> lengths) {
  return packed_prefix_lm(lengths, std::vector<int32_t>(lengths.size(), 0));
}

VisibleKeys VisibleKeys::packed_prefix_lm(std::span<const int32_t> lengths, std::span<const int32_t> prefixes) {
  if (lengths.size() != prefixes.size()) {
    refuse("prefixes and lengths of packed sequences differ in number", "prefixes",
           fmt::format("{}, one a sequence", lengths.size()), fmt::format("{}", prefixes.size()));
  }
  const std::vector<int32_t> offsets = offsets_of(lengths);
  const int32_t total = offsets.back();
  std::vector<int32_t> lo(static_cast<size_t>(total));
  std::vector<int32_t> hi(static_cast<size_t>(total));
  for (size_t b = 0; b < lengths.size(); ++b) {
    if (prefixes[b] < 0 || prefixes[b] > lengths[b]) {
      refuse("a prefix does not fit its sequence", fmt::format("sequence {}", b),
             fmt::format("0 to {} tokens", lengths[b]), fmt::format("{}", prefixes[b]));
    }
    for (int32_t i = offsets[b]; i < offsets[b + 1]; ++i) {
      lo[static_cast<size_t>(i)] = offsets[b];
      hi[static_cast<size_t>(i)] = std::max(offsets[b] + prefixes[b], i + 1);
    }
  }
  return VisibleKeys(std::move(lo), std::move(hi), total);
}

VisibleKeys VisibleKeys::packed_cached(std::span<const int32_t> rows, std::span<const int32_t> keys) {
  if (rows.size() != keys.size()) {
    refuse("packed sequences differ in number between rows and keys", "rows, keys", "one count of each a sequence",
           fmt::format("{} and {}", rows.size(), keys.size()));
  }
  const std::vector<int32_t> row_offsets = offsets_of(rows), key_offsets = offsets_of(keys);
  const auto total = static_cast<size_t>(row_offsets.back());
  std::vector<int32_t> lo, hi, own;
  for (std::vector<int32_t>* ends : {&lo, &hi, &own}) ends->reserve(total);
  for (size_t b = 0; b < rows.size(); ++b) {
    if (rows[b] > keys[b]) {
      refuse("a sequence has more rows than keys", fmt::format("sequence {}", b), fmt::format("at most {}", keys[b]),
             fmt::format("{}", rows[b]));
    }
    for (int32_t key = key_offsets[b + 1] - rows[b]; key < key_offsets[b + 1]; ++key) {
      lo.push_back(key_offsets[b]);
      hi.push_back(key + 1);
      own.push_back(key);
    }
  }
  return VisibleKeys(std::move(lo), std::move(hi), std::move(own), key_offsets.back());
}

// Why the union stays a monotone interval. Before it, row i sees [lo, hi) with its own key inside (the window holds at
// least that key). Let [a, e) be the row's block, or its own key alone where there is none: it holds the own key too,
// so the union is the interval [min(lo, a), max(hi, e)). Blocks do not overlap, own keys ascend, hence a and e never
// decrease from row to row; neither do lo and hi; and the minimum (maximum) of two non-decreasing sequences is one.
VisibleKeys VisibleKeys::packed_blocks(std::span<const int32_t> rows, std::span<const int32_t> keys,
                                       std::span<const KeyBlock> blocks, int32_t window) {
  VisibleKeys result = packed_cached(rows, keys);
  check_blocks(blocks, offsets_of(keys));
  if (window != 0) result = result.windowed(window);
  size_t block = 0;
  for (size_t i = 0; i < result.own_.size() && block < blocks.size(); ++i) {
    while (block < blocks.size() && blocks[block].end <= result.own_[i]) ++block;
    if (block == blocks.size() || blocks[block].begin > result.own_[i]) continue;
    result.lo_[i] = std::min(result.lo_[i], blocks[block].begin);
    result.hi_[i] = std::max(result.hi_[i], blocks[block].end);
  }
  return result;
}

VisibleKeys VisibleKeys::windowed(int32_t window) const {
  if (window < 1) refuse("a window sees no key", "window", "1 or more keys", fmt::format("{}", window));
  std::vector<int32_t> lo = lo_;
  for (size_t i = 0; i < lo.size(); ++i) {
    const int64_t first = std::max<int64_t>(int64_t{own_[i]} - window + 1, lo_[i]);
    // A row whose keys all lie before its window becomes empty at its upper end, which keeps both ends monotone.
    lo[i] = static_cast<int32_t>(std::min<int64_t>(first, hi_[i]));
  }
  return VisibleKeys(std::move(lo), hi_, own_, key_count_);
}

VisibleKeys VisibleKeys::select_rows(std::span<const int32_t> rows) const {
  std::vector<int32_t> lo, hi, own;
  for (std::vector<int32_t>* ends : {&lo, &hi, &own}) ends->reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0 || rows[i] >= row_count() || (i > 0 && rows[i] < rows[i - 1])) {
      refuse("selected rows are out of range or not ascending", fmt::format("selected row {}", i),
             fmt::format("{} to {}", i > 0 ? rows[i - 1] : 0, row_count() - 1), fmt::format("{}", rows[i]));
    }
    const auto row = static_cast<size_t>(rows[i]);
    lo.push_back(lo_[row]);
    hi.push_back(hi_[row]);
    own.push_back(own_[row]);
  }
  return VisibleKeys(std::move(lo), std::move(hi), std::move(own), key_count_);
}

VisibleKeys VisibleKeys::transposed() const {
  std::vector<int32_t> first_row(static_cast<size_t>(key_count_)), end_row(first_row.size());
  // Key j is seen from the first row whose upper end passes it up to the first row whose lower end passes it.
  int32_t first = 0;
  int32_t end = 0;
  for (int32_t j = 0; j < key_count_; ++j) {
    while (first < row_count() && hi_[static_cast<size_t>(first)] <= j) ++first;
    while (end < row_count() && lo_[static_cast<size_t>(end)] <= j) ++end;
    first_row[static_cast<size_t>(j)] = first;
    end_row[static_cast<size_t>(j)] = end;
  }
  return VisibleKeys(std::move(first_row), std::move(end_row), row_count());
}

TileClass VisibleKeys::tile(int32_t row_begin, int32_t row_end, int32_t key_begin, int32_t key_end) const {
  if (row_begin >= row_end || key_begin >= key_end) return TileClass::skip;
  const auto first = static_cast<size_t>(row_begin);
  const auto last = static_cast<size_t>(row_end - 1);
  if (key_begin >= hi_[last] || key_end <= lo_[first]) return TileClass::skip;
  if (key_begin >= lo_[last] && key_end <= hi_[first]) return TileClass::full;
  return TileClass::partial;
}

int64_t VisibleKeys::area() const {
  const auto sum = [](const std::vector<int32_t>& ends) {
    return std::accumulate(ends.begin(), ends.end(), int64_t{0});
  };
  return sum(hi_) - sum(lo_);
}

std::shared_ptr<const void> VisibleKeys::kept(uint64_t use,
                                              const std::function<std::shared_ptr<const void>()>& make) const {
  if (kept_ == nullptr) return make();  // default-constructed: no rows, nothing worth keeping
  const std::scoped_lock lock(kept_->mutex);
  std::shared_ptr<const void>& slot = kept_->by_use[use];
  if (slot == nullptr) slot = make();
  return slot;
}

}  // namespace dermis
