#include "data/batch/augment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

namespace dermis {
namespace {

ImageFormat format_of(int size) {
  ImageFormat format;
  format.size = size;
  return format;
}

// 2 x 2 picture: red channel a b / c d.
Image corners() { return {2, 2, {1, 0, 0, 2, 0, 0, 3, 0, 0, 4, 0, 0}}; }

std::vector<uint8_t> red_of(const Augmentation& augmentation) {
  std::vector<uint8_t> planes(12);
  augment_to_planes(corners(), augmentation, format_of(2), planes.data());
  return {planes.begin(), planes.begin() + 4};
}

TEST(Augment, TurnsAsWorkedByHand) {
  Augmentation none, mirrored, upside, transposed;
  mirrored.flip_x = true;
  upside.flip_y = true;
  transposed.transpose = true;
  EXPECT_EQ(red_of(none), (std::vector<uint8_t>{1, 2, 3, 4}));
  EXPECT_EQ(red_of(mirrored), (std::vector<uint8_t>{2, 1, 4, 3}));
  EXPECT_EQ(red_of(upside), (std::vector<uint8_t>{3, 4, 1, 2}));
  EXPECT_EQ(red_of(transposed), (std::vector<uint8_t>{1, 3, 2, 4}));
}

std::map<std::vector<uint8_t>, int> turns_drawn(const AugmentOptions& options) {
  std::map<std::vector<uint8_t>, int> seen;
  for (int64_t sample = 0; sample < 4000; ++sample) ++seen[red_of(draw_augmentation(options, 1, 0, sample, 2, 2))];
  return seen;
}

TEST(Augment, DrawsEveryTurnEquallyOften) {
  AugmentOptions flips, turns, both;
  flips.flips = both.flips = true;
  turns.quarter_turns = both.quarter_turns = true;
  EXPECT_EQ(turns_drawn(flips).size(), 4U);
  const auto quarter = turns_drawn(turns);
  // The four rotations and no mirror image.
  const std::set<std::vector<uint8_t>> rotations = {{1, 2, 3, 4}, {3, 1, 4, 2}, {4, 3, 2, 1}, {2, 4, 1, 3}};
  for (const auto& [red, count] : quarter) {
    EXPECT_TRUE(rotations.contains(red));
    EXPECT_NEAR(count, 1000, 150);
  }
  EXPECT_EQ(quarter.size(), 4U);
  const auto all = turns_drawn(both);
  EXPECT_EQ(all.size(), 8U);
  for (const auto& [red, count] : all) EXPECT_NEAR(count, 500, 120);
}

TEST(Augment, CropsKeepAreaAndAspect) {
  AugmentOptions options;
  options.crop_min_area = 0.4;
  int cropped = 0;
  for (int64_t sample = 0; sample < 500; ++sample) {
    const auto drawn = draw_augmentation(options, 1, 2, sample, 300, 200);
    if (!drawn.cropped) continue;
    ++cropped;
    const double w = (drawn.crop.x1 - drawn.crop.x0) * 300, h = (drawn.crop.y1 - drawn.crop.y0) * 200;
    EXPECT_GE(w * h / 60000, 0.4 - 1e-9);
    EXPECT_GE(w / h, 0.75 - 1e-9);
    EXPECT_LE(w / h, 4.0 / 3 + 1e-9);
    EXPECT_GE(drawn.crop.x0, 0);
    EXPECT_LE(drawn.crop.x1, 1 + 1e-12);
    EXPECT_LE(drawn.crop.y1, 1 + 1e-12);
  }
  EXPECT_GT(cropped, 400);
}

TEST(Augment, DependsOnItsKeyAlone) {
  AugmentOptions options{true, true, 0.5, 0.2};
  const auto a = draw_augmentation(options, 1, 2, 3, 256, 256), b = draw_augmentation(options, 1, 2, 3, 256, 256);
  EXPECT_EQ(a.brightness, b.brightness);
  EXPECT_EQ(a.crop.x0, b.crop.x0);
  EXPECT_NE(a.brightness, draw_augmentation(options, 1, 3, 3, 256, 256).brightness);
  EXPECT_NE(a.brightness, draw_augmentation(options, 1, 2, 4, 256, 256).brightness);
  EXPECT_NE(a.brightness, draw_augmentation(options, 9, 2, 3, 256, 256).brightness);
}

TEST(Augment, KeepsTheShareOfPatchesAndEachAsOften) {
  AugmentOptions options;
  EXPECT_TRUE(draw_patches(options, 1, 0, 0, 16).empty());
  options.keep_patches = 0.25;
  std::vector<int> times(16);
  constexpr int kDraws = 4000;
  for (int sample = 0; sample < kDraws; ++sample) {
    const auto kept = draw_patches(options, 1, 0, sample, 16);
    ASSERT_EQ(kept.size(), 4U);
    ASSERT_TRUE(std::is_sorted(kept.begin(), kept.end()));
    ASSERT_EQ(std::adjacent_find(kept.begin(), kept.end()), kept.end());
    for (const int32_t patch : kept) ++times[static_cast<size_t>(patch)];
  }
  // A quarter of the draws each: deviation sqrt(4000 * 0.25 * 0.75) = 27.
  for (const int count : times) EXPECT_NEAR(count, kDraws / 4, 5 * 27);
  EXPECT_EQ(draw_patches(options, 1, 2, 3, 16), draw_patches(options, 1, 2, 3, 16));
  EXPECT_NE(draw_patches(options, 1, 2, 3, 64), draw_patches(options, 1, 3, 3, 64));
  options.keep_patches = 0.01;
  EXPECT_EQ(draw_patches(options, 1, 0, 0, 16).size(), 1U);
}

TEST(Augment, RecoloursAsWorkedByHand) {
  const Image grey{1, 1, {100, 100, 100}}, colour{1, 1, {200, 100, 50}};
  std::vector<uint8_t> planes(3);
  Augmentation brighter;
  brighter.brightness = 1.2;
  augment_to_planes(grey, brighter, format_of(1), planes.data());
  EXPECT_EQ(planes, (std::vector<uint8_t>{120, 120, 120}));
  brighter.brightness = 3;
  augment_to_planes(grey, brighter, format_of(1), planes.data());
  EXPECT_EQ(planes, (std::vector<uint8_t>{255, 255, 255}));
  Augmentation contrast;  // one pixel is its own mean grey: 0.299 * 200 + 0.587 * 100 + 0.114 * 50 = 124.2
  contrast.contrast = 0.5;
  augment_to_planes(colour, contrast, format_of(1), planes.data());
  EXPECT_EQ(planes, (std::vector<uint8_t>{162, 112, 87}));  // halfway to 124.2
  Augmentation saturation;
  saturation.saturation = 0.5;
  augment_to_planes(colour, saturation, format_of(1), planes.data());
  EXPECT_EQ(planes, (std::vector<uint8_t>{162, 112, 87}));
}

}  // namespace
}  // namespace dermis
