#include "kernels/visible_keys/visible_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
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

}  // namespace

VisibleKeys::VisibleKeys(std::vector<int32_t> lo, std::vector<int32_t> hi, int32_t key_count)
    : lo_(std::move(lo)), hi_(std::move(hi)), key_count_(key_count) {
  if (key_count_ < 0) refuse("the number of keys is negative", "key_count", "0 or more", fmt::format("{}", key_count_));
  if (lo_.size() != hi_.size()) {
    refuse("lower and upper ends of visible keys differ in number", "lo, hi", "one of each a row",
           fmt::format("{} lower and {} upper ends", lo_.size(), hi_.size()));
  }
  for (size_t i = 0; i < lo_.size(); ++i) {
    const std::string where = fmt::format("row {}", i);
    if (lo_[i] < 0 || hi_[i] > key_count_ || lo_[i] > hi_[i]) {
      refuse("an interval of visible keys is out of range", where, fmt::format("0 <= lo <= hi <= {}", key_count_),
             fmt::format("[{}, {})", lo_[i], hi_[i]));
    }
    if (i > 0 && (lo_[i] < lo_[i - 1] || hi_[i] < hi_[i - 1])) {
      refuse("intervals of visible keys are not monotone", where,
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

VisibleKeys VisibleKeys::windowed(int32_t window) const {
  if (window < 1) refuse("a window sees no key", "window", "1 or more keys", fmt::format("{}", window));
  VisibleKeys result = *this;
  const int64_t shift = int64_t{key_count_} - row_count();
  for (size_t i = 0; i < lo_.size(); ++i) {
    const int64_t first = std::max<int64_t>(static_cast<int64_t>(i) + shift - window + 1, lo_[i]);
    // A row whose keys all lie before its window becomes empty at its upper end, which keeps both ends monotone.
    result.lo_[i] = static_cast<int32_t>(std::min<int64_t>(first, hi_[i]));
  }
  return result;
}

VisibleKeys VisibleKeys::select_rows(std::span<const int32_t> rows) const {
  VisibleKeys result;
  result.key_count_ = key_count_;
  result.lo_.reserve(rows.size());
  result.hi_.reserve(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0 || rows[i] >= row_count() || (i > 0 && rows[i] < rows[i - 1])) {
      refuse("selected rows are out of range or not ascending", fmt::format("selected row {}", i),
             fmt::format("{} to {}", i > 0 ? rows[i - 1] : 0, row_count() - 1), fmt::format("{}", rows[i]));
    }
    result.lo_.push_back(lo_[static_cast<size_t>(rows[i])]);
    result.hi_.push_back(hi_[static_cast<size_t>(rows[i])]);
  }
  return result;
}

VisibleKeys VisibleKeys::transposed() const {
  VisibleKeys result;
  result.key_count_ = row_count();
  result.lo_.resize(static_cast<size_t>(key_count_));
  result.hi_.resize(static_cast<size_t>(key_count_));
  // Key j is seen from the first row whose upper end passes it up to the first row whose lower end passes it.
  int32_t first = 0;
  int32_t last = 0;
  for (int32_t j = 0; j < key_count_; ++j) {
    while (first < row_count() && hi_[static_cast<size_t>(first)] <= j) ++first;
    while (last < row_count() && lo_[static_cast<size_t>(last)] <= j) ++last;
    result.lo_[static_cast<size_t>(j)] = first;
    result.hi_[static_cast<size_t>(j)] = last;
  }
  return result;
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

}  // namespace dermis
