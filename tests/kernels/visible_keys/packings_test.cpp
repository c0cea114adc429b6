// Every constructor against a dense mask written down from the mask's own words, on thousands of random packings with
// empty sequences, caches (fewer rows than keys), windows and image blocks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "kernels/visible_keys/visible_keys.h"
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

// A key of the packed axis.
struct Key {
  int sequence;
  int position;    // within its sequence
  int block = -1;  // image block it belongs to
};

// Sequences, some empty, with all or only their last keys as rows, and image blocks that touch at times.
struct Packing {
  std::vector<int32_t> row_counts, key_counts;
  std::vector<KeyBlock> blocks;
  std::vector<Key> keys;
  std::vector<size_t> row_keys;  // own key of every row

  Packing(Random& random, bool cached) {
    for (uint64_t b = random.below(5); b > 0; --b) {
      const auto length = static_cast<int32_t>(random.chance(0.15) ? 0 : random.below(14));
      key_counts.push_back(length);
      row_counts.push_back(cached ? static_cast<int32_t>(random.below(static_cast<uint64_t>(length) + 1)) : length);
      const auto sequence = static_cast<int>(key_counts.size()) - 1;
      const auto offset = static_cast<int32_t>(keys.size());
      for (int32_t i = 0; i < length; ++i) {
        keys.push_back({sequence, i});
        if (i >= length - row_counts.back()) row_keys.push_back(keys.size() - 1);
      }
      for (int32_t at = 0; at < length && random.chance(0.6);) {
        const int32_t begin = at + static_cast<int32_t>(random.below(static_cast<uint64_t>(length - at)));
        const int32_t end = begin + 1 + static_cast<int32_t>(random.below(static_cast<uint64_t>(length - begin)));
        for (int32_t j = begin; j < end; ++j)
          keys[static_cast<size_t>(offset + j)].block = static_cast<int>(blocks.size());
        blocks.push_back({offset + begin, offset + end});
        at = end;
      }
    }
  }

  // sees(own key, other key) for keys of one sequence.
  Mask mask(const std::function<bool(const Key&, const Key&)>& sees) const {
    Mask result;
    for (const size_t own : row_keys) {
      result.emplace_back();
      for (const Key& key : keys) result.back().push_back(key.sequence == keys[own].sequence && sees(keys[own], key));
    }
    return result;
  }
};

bool causal(const Key& own, const Key& key) { return key.position <= own.position; }
bool same_block(const Key& own, const Key& key) { return own.block >= 0 && own.block == key.block; }

constexpr int kTrials = 2000;

TEST(Packings, CausalAfterACache) {
  Random random(10, RandomPurpose::selftest);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Packing packing(random, true);
    const VisibleKeys visible = VisibleKeys::packed_cached(packing.row_counts, packing.key_counts);
    ASSERT_EQ(dense(visible), packing.mask(causal)) << trial;
    ASSERT_EQ(visible.key_count(), static_cast<int32_t>(packing.keys.size()));
  }
}

TEST(Packings, WindowsGoByTheRowsOwnKeyAlsoInACacheAndForSelectedRows) {
  Random random(11, RandomPurpose::selftest);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Packing packing(random, trial % 2 == 0);
    const auto window = 1 + static_cast<int32_t>(random.below(8));
    const VisibleKeys visible = VisibleKeys::packed_cached(packing.row_counts, packing.key_counts);
    const Mask expected = packing.mask(
        [&](const Key& own, const Key& key) { return causal(own, key) && own.position - key.position < window; });
    ASSERT_EQ(dense(visible.windowed(window)), expected) << trial;
    std::vector<int32_t> rows;
    Mask selected;
    for (size_t i = 0; i < expected.size(); ++i) {
      if (random.chance(0.5)) continue;
      rows.push_back(static_cast<int32_t>(i));
      selected.push_back(expected[i]);
    }
    ASSERT_EQ(dense(visible.select_rows(rows).windowed(window)), selected) << trial;
  }
}

TEST(Packings, ImageBlocksOrCausalOrWindow) {
  Random random(12, RandomPurpose::selftest);
  for (int trial = 0; trial < kTrials; ++trial) {
    const Packing packing(random, trial % 2 == 0);
    const auto window = static_cast<int32_t>(random.below(8));
    const VisibleKeys visible =
        VisibleKeys::packed_blocks(packing.row_counts, packing.key_counts, packing.blocks, window);
    const Mask expected = packing.mask([&](const Key& own, const Key& key) {
      const bool near = window == 0 || own.position - key.position < window;
      return (causal(own, key) && near) || same_block(own, key);
    });
    ASSERT_EQ(dense(visible), expected) << trial;
    // The public constructor checks what the proof in visible_keys.cpp says: monotone intervals within the axis.
    const std::vector<int32_t> lo(visible.lo().begin(), visible.lo().end()),
        hi(visible.hi().begin(), visible.hi().end());
    ASSERT_NO_THROW(VisibleKeys(lo, hi, visible.key_count()));
    // Columns, as backward passes see them.
    const Mask columns = dense(visible.transposed());
    for (size_t i = 0; i < expected.size(); ++i)
      for (size_t j = 0; j < expected[i].size(); ++j) ASSERT_EQ(columns[j][i], expected[i][j]) << trial;
  }
}

// One sequence of 6 tokens, an image at 1..3, window 2: worked by hand.
TEST(Packings, ImageBlockByHand) {
  const std::vector<int32_t> six{6};
  const std::vector<KeyBlock> image{{1, 4}};
  const VisibleKeys visible = VisibleKeys::packed_blocks(six, six, image, 2);
  EXPECT_THAT(visible.lo(), ::testing::ElementsAre(0, 0, 1, 1, 3, 4));
  EXPECT_THAT(visible.hi(), ::testing::ElementsAre(1, 4, 4, 4, 5, 6));
  EXPECT_EQ(visible.area(), 1 + 4 + 3 + 3 + 2 + 2);
}

TEST(Packings, RefusesWhatIsNoMaskOfThisForm) {
  using ::testing::HasSubstr;
  const std::vector<int32_t> lengths{4, 5};
  const auto blocks = [&](std::vector<KeyBlock> blocks) {
    return usage_error([&] { VisibleKeys::packed_blocks(lengths, lengths, blocks); });
  };
  EXPECT_EQ(blocks({{0, 4}, {4, 5}, {6, 9}}), "no error");
  EXPECT_THAT(blocks({{2, 5}}), HasSubstr("within one sequence"));
  EXPECT_THAT(blocks({{0, 3}, {2, 4}}), HasSubstr("block 1"));
  EXPECT_THAT(blocks({{3, 3}}), HasSubstr("[3, 3)"));
  EXPECT_THAT(blocks({{8, 10}}), HasSubstr("block 0"));
  EXPECT_THAT(blocks({{9, 10}}), HasSubstr("block 0"));
  EXPECT_THAT(blocks({{-1, 2}}), HasSubstr("[-1, 2)"));
  EXPECT_THAT(usage_error([&] { VisibleKeys::packed_blocks(lengths, lengths, {}, -3); }), HasSubstr("window"));
  const std::vector<int32_t> rows{2, 6}, one{1};
  EXPECT_THAT(usage_error([&] { VisibleKeys::packed_cached(rows, lengths); }), HasSubstr("sequence 1"));
  EXPECT_THAT(usage_error([&] { VisibleKeys::packed_cached(one, lengths); }), HasSubstr("1 and 2"));
  const std::vector<int32_t> huge{2'000'000'000, 2'000'000'000}, none{0, 0};
  EXPECT_THAT(usage_error([&] { VisibleKeys::packed_cached(none, huge); }), HasSubstr("2,147,483,647"));
}

TEST(Packings, KeptThingsAreMadeOnceAUseAndSharedByCopies) {
  const VisibleKeys visible = VisibleKeys::packed_causal(std::vector<int32_t>{3});
  const VisibleKeys copy = visible;
  std::atomic<int> made = 0;
  const auto make = [&] {
    ++made;
    return std::shared_ptr<const void>(std::make_shared<int>(made.load()));
  };
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) threads.emplace_back([&] { visible.kept(7, make); });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(visible.kept(7, make), copy.kept(7, make));
  EXPECT_EQ(made, 1);
  EXPECT_NE(visible.kept(8, make), visible.kept(7, make));
  EXPECT_NE(visible.windowed(2).kept(7, make), visible.kept(7, make)) << "other intervals keep other things";
}

}  // namespace
}  // namespace dermis
