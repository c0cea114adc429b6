#include "kernels/attention/device/backward_launch.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

#include "kernels/attention/device/backward_scores.h"

namespace dermis {
namespace {

TEST(BackwardLaunch, LongestTilesComeFirstAndEqualOnesKeepTheirOrder) {
  // Four rows of two heads are eight flat rows, three tiles of three: rows 0 1, 1 2, 3.
  const std::array<int32_t, 4> lo{0, 0, 2, 2}, hi{1, 4, 5, 9};
  EXPECT_EQ(longest_tiles_first(lo, hi, 2, 3), (std::vector<int32_t>{2, 1, 0}));
  const std::array<int32_t, 4> same_lo{0, 0, 4, 4}, same_hi{4, 4, 8, 8};
  EXPECT_EQ(longest_tiles_first(same_lo, same_hi, 1, 2), (std::vector<int32_t>{0, 1}));
  EXPECT_TRUE(longest_tiles_first({}, {}, 4, 64).empty());
}

TEST(BackwardLaunch, BlocksFitEveryGpu) {
  for (const int head_size : {64, 72, 128, 256}) {
    for (const BackwardShape& shape : {keys_gradient_shape(head_size), rows_gradient_shape(head_size)}) {
      EXPECT_LE(shape.threads() * shape.blocks_per_sm, 1024) << head_size;
      EXPECT_EQ(shape.stream % shape.step, 0) << head_size;
    }
  }
}

// 2^31 - 1 and numbers around multiples are where a rounded multiplier would err.
TEST(Divider, GivesExactQuotients) {
  std::mt19937_64 random(3);
  for (const int32_t divisor : {1, 2, 3, 5, 6, 7, 8, 12, 16, 25, 71, 128, 1000, 65535, 65537, 2147483647}) {
    const Divider divider = Divider::by(divisor);
    for (int i = 0; i < 2000; ++i) {
      const auto multiple =
          static_cast<int64_t>(random() % (2147483647 / static_cast<uint64_t>(divisor) + 1)) * divisor;
      for (const int64_t x : {multiple - 1, multiple, multiple + 1, int64_t{2147483647} - i}) {
        if (x < 0 || x > 2147483647) continue;
        ASSERT_EQ(divider.quotient(static_cast<int>(x)), x / divisor) << x << " by " << divisor;
      }
    }
  }
}

TEST(RowStatistics, HaveRoomForAnEvenNumberOfFlatRows) {
  EXPECT_EQ(statistics_rows(5, 3, 1), 16);
  EXPECT_EQ(statistics_rows(5, 8, 4), 10);
  EXPECT_EQ(statistics_rows(0, 8, 4), 0);
}

}  // namespace
}  // namespace dermis
