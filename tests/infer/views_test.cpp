#include "infer/engine/views.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/error.h"

namespace dermis {
namespace {

// 3 x 2 picture whose red channel numbers its pixels:  0 1 2 / 3 4 5
Image numbered() {
  Image image{3, 2, {}};
  for (uint8_t i = 0; i < 6; ++i) image.rgb.insert(image.rgb.end(), {i, 0, 0});
  return image;
}

std::vector<int> reds(const Image& image) {
  std::vector<int> out;
  for (size_t i = 0; i < image.rgb.size(); i += 3) out.push_back(image.rgb[i]);
  return out;
}

TEST(Oriented, QuarterTurnIsClockwise) {
  const Image turned = oriented(numbered(), 1);
  EXPECT_EQ(turned.width, 2);
  EXPECT_EQ(turned.height, 3);
  EXPECT_EQ(reds(turned), (std::vector<int>{3, 0, 4, 1, 5, 2}));
}

TEST(Oriented, HalfTurnAndMirror) {
  EXPECT_EQ(reds(oriented(numbered(), 2)), (std::vector<int>{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(reds(oriented(numbered(), 4)), (std::vector<int>{2, 1, 0, 5, 4, 3}));
}

TEST(Oriented, EightViewsAreAllDifferent) {
  std::vector<std::pair<int, std::vector<int>>> seen;
  for (int view = 0; view < 8; ++view) {
    const Image image = oriented(numbered(), view);
    const auto key = std::make_pair(image.width, reds(image));
    EXPECT_EQ(std::count(seen.begin(), seen.end(), key), 0) << view;
    seen.push_back(key);
  }
}

// A 4 x 4 picture shown as 2 x 2 by nearest pixels: whole, then its central half, turned clockwise.
TEST(Views, TakeOrientationsAndCropsByTurns) {
  Image image{4, 4, {}};
  for (uint8_t i = 0; i < 16; ++i) image.rgb.insert(image.rgb.end(), {i, 0, 0});
  ImageFormat format;
  format.size = 2;
  format.filter = ResampleFilter::bilinear;
  const Views views{.count = 4, .crops = {1, 0.5}};
  const auto red = [&](int view) {
    const std::vector<uint8_t> planes = view_planes({image}, format, views, view);
    return std::vector<int>(planes.begin(), planes.begin() + 4);
  };
  EXPECT_EQ(red(1), (std::vector<int>{9, 5, 10, 6}));  // 5 6 / 9 10 is the centre
  EXPECT_EQ(red(3), (std::vector<int>{6, 10, 5, 9}));
  EXPECT_EQ(view_planes({image}, format, views, 0), view_planes({image}, format, {}, 0));
}

TEST(Views, CropsThatDoNotFitAreRefused) {
  EXPECT_NO_THROW(check_views({.count = 2, .crops = {1, 0.5}}));
  for (const std::vector<double>& crops : {std::vector<double>{}, {0}, {1.5}, {1, 0.9, 0.8}}) {
    EXPECT_THROW(check_views({.count = 2, .crops = crops}), Error);
  }
}

}  // namespace
}  // namespace dermis
