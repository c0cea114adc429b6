// What the host decides for the forward kernel.
#include "kernels/attention/device/forward_launch.h"

#include <gtest/gtest.h>

#include "kernels/visible_keys/visible_keys.h"

namespace dermis {
namespace {

TEST(ForwardLaunch, TilesLongestFirst) {
  // Rows of 128: sequence lengths 128, 256, 64 give tiles with 2, 2, 4 and 1 key tiles of 64.
  const VisibleKeys visible = VisibleKeys::packed_causal(std::vector<int32_t>{128, 256, 64});
  EXPECT_EQ(forward_tile_order<64>(visible.lo(), visible.hi(), 1), (std::vector<int32_t>{2, 0, 1, 3}));
  // Two heads a key: flat rows 128 t ... are 64 tokens. Keys 64, 128; 64, 128, 192, 256; 64.
  EXPECT_EQ(forward_tile_order<64>(visible.lo(), visible.hi(), 2), (std::vector<int32_t>{5, 4, 1, 3, 0, 2, 6}));
  EXPECT_TRUE(forward_tile_order<64>({}, {}, 4).empty());
}

TEST(ForwardLaunch, BlocksCoverAllFlatRowsOfEveryKeyHead) {
  EXPECT_EQ(forward_launch<64>(129, 1, 1).blocks[0], 2u);
  EXPECT_EQ(forward_launch<64>(128, 6, 2).blocks[0], 6u);  // 384 flat rows of each of 2 key heads
  EXPECT_EQ(forward_launch<256>(1, 8, 1).blocks[0], 1u);
  EXPECT_EQ(forward_launch<256>(0, 8, 1).blocks[0], 0u);
  EXPECT_EQ(forward_launch<256>(1, 8, 1).threads, 256u);
}

}  // namespace
}  // namespace dermis
