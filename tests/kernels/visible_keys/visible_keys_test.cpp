#include "kernels/visible_keys/visible_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "tests/support/error_of.h"

namespace dermis {
namespace {

using testing::usage_error;

using Mask = std::vector<std::vector<bool>>;

Mask dense(const VisibleKeys& visible) {
  Mask mask(static_cast<size_t>(visible.row_count()), std::vector<bool>(static_cast<size_t>(visible.key_count())));
  for (size_t i = 0; i < mask.size(); ++i)
    for (int32_t j = visible.lo()[i]; j < visible.hi()[i]; ++j) mask[i][static_cast<size_t>(j)] = true;
  return mask;
}

// Monotone intervals with runs of empty rows, jumps over keys and T != S.
VisibleKeys random_intervals(Random& random) {
  const auto keys = static_cast<int32_t>(random.below(40));
  std::vector<int32_t> lo, hi;
  int32_t low = 0, high = 0;
  for (uint64_t rows = random.below(40); rows > 0; --rows) {
    if (random.chance(0.4)) low += static_cast<int32_t>(random.below(4));
    if (random.chance(0.5)) high += static_cast<int32_t>(random.below(5));
    low = std::min(low, keys);
    high = std::min(std::max(low, high), keys);
    lo.push_back(low);
    hi.push_back(high);
  }
  return VisibleKeys(lo, hi, keys);
}

TEST(VisibleKeys, PackedPrefixLmIsPrefixOrCausalWithinEachSequence) {
  Random random(1, RandomPurpose::selftest);
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<int32_t> lengths, prefixes, sequence, start;
    for (uint64_t b = random.below(5); b > 0; --b) {
      lengths.push_back(static_cast<int32_t>(random.below(12)));
      prefixes.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(lengths.back()) + 1)));
      const auto begin = static_cast<int32_t>(sequence.size());
      for (int32_t i = 0; i < lengths.back(); ++i) {
        sequence.push_back(static_cast<int32_t>(lengths.size()) - 1);
        start.push_back(begin);
      }
    }
    const Mask prefix_lm = dense(VisibleKeys::packed_prefix_lm(lengths, prefixes));
    const Mask causal = dense(VisibleKeys::packed_causal(lengths)), full = dense(VisibleKeys::packed_full(lengths));
    ASSERT_EQ(prefix_lm.size(), sequence.size());
    for (size_t i = 0; i < sequence.size(); ++i) {
      for (size_t j = 0; j < sequence.size(); ++j) {
        const bool same = sequence[i] == sequence[j];
        const auto within = static_cast<int32_t>(j) - start[j];
        EXPECT_EQ(full[i][j], same);
        EXPECT_EQ(causal[i][j], same && j <= i);
        EXPECT_EQ(prefix_lm[i][j], same && (j <= i || within < prefixes[static_cast<size_t>(sequence[j])]));
      }
    }
  }
}

TEST(VisibleKeys, TransposeTileAndAreaAgreeWithTheDenseMask) {
  Random random(2, RandomPurpose::selftest);
  for (int trial = 0; trial < 2000; ++trial) {
    const VisibleKeys visible = random_intervals(random);
    const Mask mask = dense(visible), transposed = dense(visible.transposed());
    int64_t area = 0;
    for (size_t i = 0; i < mask.size(); ++i) {
      for (size_t j = 0; j < mask[i].size(); ++j) {
        area += mask[i][j] ? 1 : 0;
        ASSERT_EQ(transposed[j][i], mask[i][j]);
      }
    }
    EXPECT_EQ(visible.area(), area);
    EXPECT_EQ(dense(visible.transposed().transposed()), mask);
    if (mask.empty() || visible.key_count() == 0) continue;
    for (int tile = 0; tile < 20; ++tile) {
      const auto r0 = static_cast<int32_t>(random.below(mask.size())), rows = static_cast<int32_t>(random.below(8));
      const auto c0 = static_cast<int32_t>(random.below(static_cast<uint64_t>(visible.key_count())));
      const int32_t r1 = std::min(r0 + rows, visible.row_count());
      const int32_t c1 = std::min(c0 + static_cast<int32_t>(random.below(8)), visible.key_count());
      int seen = 0;
      for (int32_t i = r0; i < r1; ++i)
        for (int32_t j = c0; j < c1; ++j) seen += mask[static_cast<size_t>(i)][static_cast<size_t>(j)] ? 1 : 0;
      const TileClass found = visible.tile(r0, r1, c0, c1);
      const bool empty = r0 == r1 || c0 == c1;
      EXPECT_EQ(found == TileClass::full, !empty && seen == (r1 - r0) * (c1 - c0));
      EXPECT_TRUE(found != TileClass::skip || seen == 0);
    }
  }
}

TEST(VisibleKeys, NoTileOfPackedSequencesIsTakenInVain) {
  Random random(3, RandomPurpose::selftest);
  for (int trial = 0; trial < 2000; ++trial) {
    std::vector<int32_t> lengths;
    for (int b = 0; b < 4; ++b) lengths.push_back(1 + static_cast<int32_t>(random.below(14)));
    VisibleKeys visible = VisibleKeys::packed_causal(lengths);
    if (trial % 2 == 0) visible = visible.windowed(5);
    const Mask mask = dense(visible);
    for (int32_t r = 0; r < visible.row_count(); r += 4) {
      for (int32_t c = 0; c < visible.key_count(); c += 4) {
        const int32_t r1 = std::min(r + 4, visible.row_count()), c1 = std::min(c + 4, visible.key_count());
        bool seen = false;
        for (int32_t i = r; i < r1; ++i)
          for (int32_t j = c; j < c1; ++j) seen = seen || mask[static_cast<size_t>(i)][static_cast<size_t>(j)];
        EXPECT_EQ(visible.tile(r, r1, c, c1) != TileClass::skip, seen);
      }
    }
  }
}

TEST(VisibleKeys, WindowAndSelectedRows) {
  Random random(4, RandomPurpose::selftest);
  for (int trial = 0; trial < 2000; ++trial) {
    const VisibleKeys visible = random_intervals(random);
    const Mask mask = dense(visible);
    const auto window = 1 + static_cast<int32_t>(random.below(12));
    const Mask windowed = dense(visible.windowed(window));
    std::vector<int32_t> rows;
    for (int32_t i = 0; i < visible.row_count(); ++i)
      if (random.chance(0.5)) rows.push_back(i);
    const Mask selected = dense(visible.select_rows(rows));
    const int32_t shift = visible.key_count() - visible.row_count();
    for (size_t i = 0; i < mask.size(); ++i) {
      for (size_t j = 0; j < mask[i].size(); ++j) {
        const bool near = static_cast<int32_t>(j) > static_cast<int32_t>(i) + shift - window;
        EXPECT_EQ(windowed[i][j], mask[i][j] && near);
      }
    }
    ASSERT_EQ(selected.size(), rows.size());
    for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(selected[i], mask[static_cast<size_t>(rows[i])]);
  }
}

TEST(VisibleKeys, RefusesBadIntervalsNamingTheRow) {
  const auto message = [](std::vector<int32_t> lo, std::vector<int32_t> hi, int32_t keys) {
    return usage_error([&] { VisibleKeys(lo, hi, keys); });
  };
  EXPECT_THAT(message({0, 0, 3}, {2, 2, 5}, 4), ::testing::HasSubstr("row 2"));
  EXPECT_THAT(message({0, -1}, {2, 2}, 4), ::testing::HasSubstr("[-1, 2)"));
  EXPECT_THAT(message({0, 3}, {2, 2}, 4), ::testing::HasSubstr("0 <= lo <= hi <= 4"));
  EXPECT_THAT(message({1, 0}, {2, 2}, 4), ::testing::HasSubstr("not monotone"));
  EXPECT_THAT(message({0, 0}, {2, 1}, 4), ::testing::HasSubstr("row 1"));
  EXPECT_THAT(message({0}, {2, 2}, 4), ::testing::HasSubstr("1 lower and 2 upper"));
  EXPECT_THAT(usage_error([] { VisibleKeys::packed_prefix_lm(std::vector<int32_t>{4}, std::vector<int32_t>{5}); }),
              ::testing::HasSubstr("sequence 0"));
  EXPECT_THAT(usage_error([] {
                VisibleKeys::packed_full(std::vector<int32_t>{2, -1});
              }),
              ::testing::HasSubstr("negative length"));
  const VisibleKeys four = VisibleKeys::packed_full(std::vector<int32_t>{4});
  EXPECT_THAT(usage_error([&] {
                four.select_rows(std::vector<int32_t>{2, 1});
              }),
              ::testing::HasSubstr("selected row 1"));
  EXPECT_THAT(usage_error([&] { four.select_rows(std::vector<int32_t>{4}); }), ::testing::HasSubstr("0 to 3"));
  EXPECT_THAT(usage_error([&] { four.windowed(0); }), ::testing::HasSubstr("window"));
}

}  // namespace
}  // namespace dermis
