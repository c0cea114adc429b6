#include "data/image/contact_sheet.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "data/image/encode.h"
#include "tests/data/image/samples.h"

namespace dermis {
namespace {

int64_t dark_pixels(const Image& image, int from_row, int to_row) {
  int64_t count = 0;
  for (int y = from_row; y < to_row; ++y) {
    for (int x = 0; x < image.width; ++x) count += testing::pixel_at(image, x, y)[0] < 128;
  }
  return count;
}

TEST(ContactSheet, HoldsEveryPictureAndItsCaption) {
  Image black = testing::noise_image(20, 10);
  std::fill(black.rgb.begin(), black.rgb.end(), uint8_t{0});
  const Image sheet =
      contact_sheet({{black, "nevus"}, {black, ""}, {black, "a caption much too long for this cell"}}, 2, 60);
  EXPECT_GT(sheet.width, 120);
  EXPECT_GT(sheet.height, 120);
  // Three pictures of 60 x 30 pixels, and letters besides.
  EXPECT_GT(dark_pixels(sheet, 0, sheet.height), 3 * 60 * 30 + 50);
  EXPECT_EQ(decode_image(encode_png(sheet), "sheet.png").rgb, sheet.rgb);
}

}  // namespace
}  // namespace dermis
