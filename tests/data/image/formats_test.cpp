// Kinds of pictures that the encoder does not write, put together here; the pixels expected follow from the bytes by
// the formats' definitions and Pillow's rules (16-bit grey clips, 16-bit colour keeps its high byte, transparency
// goes).
#include <algorithm>
#include <array>
#include <cstdio>  // before jpeglib.h
#include <cstdlib>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <jpeglib.h>
#include <webp/encode.h>

#include "core/error.h"
#include "data/image/image.h"
#include "tests/data/image/png_bytes.h"
#include "tests/data/image/samples.h"

namespace dermis {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Bytes = std::vector<uint8_t>;

std::string error_of(const Bytes& bytes) {
  try {
    decode_image(bytes, "lesion.tif");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_FALSE(error.info().fix.empty());
    return error.what();
  }
  return "decoded";
}

Bytes pixels_of(const Bytes& bytes) { return decode_image(bytes, "x").rgb; }

// Shortened files are errors, files with single changed bytes decode or are errors of their data (error_of looks).
void expect_no_worse_than_errors(const Bytes& file) {
  constexpr size_t kEnd = 4;  // what lies there may be no pixel any more
  for (size_t size = 0; size + kEnd < file.size(); ++size) {
    EXPECT_NE(error_of({file.begin(), file.begin() + static_cast<int64_t>(size)}), "decoded") << size;
  }
  Random random(9, RandomPurpose::selftest);
  for (int i = 0; i < 300; ++i) {
    Bytes damaged = file;
    damaged[random.below(damaged.size())] ^= static_cast<uint8_t>(1 + random.below(255));
    error_of(damaged);
  }
}

// ---- PNG ------------------------------------------------------------------------------------------------------------

constexpr uint8_t kGrey = 0, kRgb = 2, kPalette = 3, kGreyAlpha = 4, kRgba = 6;

TEST(PngKinds, SixteenBits) {
  // 0x0040 = 64; 0x0100 = 256 clips.
  EXPECT_THAT(pixels_of(testing::png_of(2, 1, 16, kGrey, {0, 0x00, 0x40, 0x01, 0x00})),
              ElementsAre(64, 64, 64, 255, 255, 255));
  EXPECT_THAT(pixels_of(testing::png_of(1, 1, 16, kRgb, {0, 0x12, 0xFF, 0x80, 0x01, 0xFE, 0x00})),
              ElementsAre(0x12, 0x80, 0xFE));
}

TEST(PngKinds, PaletteAndFewBits) {
  const Bytes palette{10, 20, 30, 200, 100, 50};
  EXPECT_THAT(pixels_of(testing::png_of(2, 1, 8, kPalette, {0, 1, 0}, palette)), ElementsAre(200, 100, 50, 10, 20, 30));
  EXPECT_THAT(pixels_of(testing::png_of(2, 1, 1, kPalette, {0, 0x40}, palette)), ElementsAre(10, 20, 30, 200, 100, 50));
  EXPECT_THAT(pixels_of(testing::png_of(3, 1, 1, kGrey, {0, 0xA0})),
              ElementsAre(255, 255, 255, 0, 0, 0, 255, 255, 255));
  EXPECT_THAT(pixels_of(testing::png_of(2, 1, 4, kGrey, {0, 0x3F})), ElementsAre(51, 51, 51, 255, 255, 255));
}

TEST(PngKinds, TransparencyGoes) {
  EXPECT_THAT(pixels_of(testing::png_of(1, 1, 8, kRgba, {0, 9, 8, 7, 0})), ElementsAre(9, 8, 7));
  EXPECT_THAT(pixels_of(testing::png_of(1, 1, 8, kGreyAlpha, {0, 77, 3})), ElementsAre(77, 77, 77));
}

TEST(PngKinds, DamageIsAnErrorOrAPicture) {
  expect_no_worse_than_errors(testing::png_of(1, 1, 16, kRgb, {0, 0x12, 0xFF, 0x80, 0x01, 0xFE, 0x00}));
}

// ---- JPEG -----------------------------------------------------------------------------------------------------------

// A 16 x 16 picture of one colour of inks; Adobe stores what is left of the light, 255 is no ink.
Bytes cmyk_jpeg(const std::array<uint8_t, 4>& inks) {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* out = nullptr;
  unsigned long size = 0;  // NOLINT(google-runtime-int): libjpeg's type
  jpeg_mem_dest(&info, &out, &size);
  info.image_width = info.image_height = 16;
  info.input_components = 4;
  info.in_color_space = JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_colorspace(&info, JCS_CMYK);
  jpeg_set_quality(&info, 100, TRUE);
  jpeg_start_compress(&info, TRUE);
  Bytes row;
  for (int x = 0; x < 16; ++x) row.insert(row.end(), inks.begin(), inks.end());
  JSAMPROW rows[1] = {row.data()};
  while (info.next_scanline < 16) jpeg_write_scanlines(&info, rows, 1);
  jpeg_finish_compress(&info);
  Bytes bytes(out, out + size);
  jpeg_destroy_compress(&info);
  free(out);
  return bytes;
}

TEST(JpegKinds, FourInks) {
  const auto near = [](const std::array<uint8_t, 4>& inks, const std::array<int, 3>& colour) {
    const Bytes rgb = pixels_of(cmyk_jpeg(inks));
    for (size_t c = 0; c < 3; ++c) EXPECT_NEAR(rgb[3 * 100 + c], colour[c], 1) << c;
  };
  near({255, 255, 255, 255}, {255, 255, 255});  // paper
  near({0, 255, 255, 255}, {0, 255, 255});      // cyan
  near({255, 0, 0, 255}, {255, 0, 0});          // magenta and yellow: red
  near({255, 255, 255, 100}, {100, 100, 100});  // some black
  near({255, 102, 0, 200}, {200, 80, 0});       // 102 / 255 of 200 is 80
}

// ---- WebP -----------------------------------------------------------------------------------------------------------

Bytes taken(uint8_t* out, size_t size) {
  Bytes bytes(out, out + size);
  WebPFree(out);
  return bytes;
}

TEST(WebpKinds, LosslessKeepsEveryByte) {
  const Image image = testing::noise_image(13, 7);
  uint8_t* out = nullptr;
  const size_t size = WebPEncodeLosslessRGB(image.rgb.data(), 13, 7, 39, &out);
  const Bytes webp = taken(out, size);
  const Image back = decode_image(webp, "x.webp");
  EXPECT_EQ(back.width, 13);
  EXPECT_EQ(back.height, 7);
  EXPECT_EQ(back.rgb, image.rgb);
  expect_no_worse_than_errors(webp);
  EXPECT_THAT(error_of({webp.begin(), webp.end() - 20}), HasSubstr("cut off"));
}

TEST(WebpKinds, LossyIsNear) {
  Image image{32, 32, {}};
  for (int i = 0; i < 32 * 32; ++i) image.rgb.insert(image.rgb.end(), {180, 120, 90});
  uint8_t* out = nullptr;
  const size_t size = WebPEncodeRGB(image.rgb.data(), 32, 32, 96, 90, &out);
  const Bytes rgb = pixels_of(taken(out, size));
  ASSERT_EQ(rgb.size(), image.rgb.size());
  for (size_t i = 0; i < rgb.size(); ++i) ASSERT_NEAR(rgb[i], image.rgb[i], 4) << i;
}

TEST(WebpKinds, TransparencyGoes) {
  const Bytes rgba{10, 20, 30, 255, 200, 100, 50, 128};
  uint8_t* out = nullptr;
  const size_t size = WebPEncodeLosslessRGBA(rgba.data(), 2, 1, 8, &out);
  EXPECT_THAT(pixels_of(taken(out, size)), ElementsAre(10, 20, 30, 200, 100, 50));
}

TEST(WebpKinds, AnimationIsRefused) {
  const std::string webp(
      "RIFF\x20\0\0\0WEBPVP8X\x0A\0\0\0\x02\0\0\0\x07\0\0\x07\0\0"  // extended, flag of animation, 8 x 8
      "ANIM\x06\0\0\0\0\0\0\0\0\0",
      44);
  EXPECT_THAT(error_of({webp.begin(), webp.end()}), HasSubstr("animated WebP"));
}

// ---- TIFF -----------------------------------------------------------------------------------------------------------

constexpr uint16_t kShort = 3;

struct Tag {
  uint16_t id;
  std::vector<uint16_t> values;
};

// A little-endian TIFF of one uncompressed strip: header, directory, values that do not fit into it, pixels.
Bytes tiff_of(uint16_t width, uint16_t height, std::vector<Tag> tags, const Bytes& pixels, bool second_page = false) {
  tags.push_back({256, {width}});
  tags.push_back({257, {height}});
  tags.push_back({259, {1}});
  const auto has = [&](uint16_t id) {
    return std::any_of(tags.begin(), tags.end(), [id](const Tag& tag) { return tag.id == id; });
  };
  const bool tiled = has(322);
  if (!tiled) tags.push_back({278, {height}});
  const bool planes = has(284);
  const uint16_t parts = planes ? 3 : 1;
  const auto part = static_cast<uint16_t>(pixels.size() / parts);
  tags.push_back({static_cast<uint16_t>(tiled ? 325 : 279), std::vector<uint16_t>(parts, part)});
  tags.push_back({static_cast<uint16_t>(tiled ? 324 : 273), std::vector<uint16_t>(parts)});  // places, set below
  std::sort(tags.begin(), tags.end(), [](const Tag& a, const Tag& b) { return a.id < b.id; });
  size_t place = 8 + 2 + 12 * tags.size() + 4;
  for (const Tag& tag : tags) place += tag.values.size() > 2 ? 2 * tag.values.size() : 0;
  for (Tag& tag : tags) {
    if (tag.id != 273 && tag.id != 324) continue;
    for (uint16_t i = 0; i < parts; ++i) tag.values[i] = static_cast<uint16_t>(place + size_t{i} * part);
  }
  Bytes bytes{'I', 'I', 42, 0, 8, 0, 0, 0};
  const auto put = [](Bytes& to, uint32_t value, int count) {
    for (int i = 0; i < count; ++i) to.push_back(static_cast<uint8_t>(value >> 8 * i));
  };
  put(bytes, static_cast<uint32_t>(tags.size()), 2);
  Bytes beyond;
  for (const Tag& tag : tags) {
    put(bytes, tag.id, 2);
    put(bytes, kShort, 2);
    put(bytes, static_cast<uint32_t>(tag.values.size()), 4);
    if (tag.values.size() > 2) {
      put(bytes, static_cast<uint32_t>(8 + 2 + 12 * tags.size() + 4 + beyond.size()), 4);
      for (const uint16_t value : tag.values) put(beyond, value, 2);
    } else {
      put(bytes, tag.values[0], 2);
      put(bytes, tag.values.size() == 2 ? tag.values[1] : 0, 2);
    }
  }
  put(bytes, second_page ? static_cast<uint32_t>(place + pixels.size()) : 0, 4);
  bytes.insert(bytes.end(), beyond.begin(), beyond.end());
  bytes.insert(bytes.end(), pixels.begin(), pixels.end());
  if (second_page) {
    put(bytes, 1, 2);  // a directory of one entry: width, one short, 1
    put(bytes, 256, 2);
    put(bytes, kShort, 2);
    put(bytes, 1, 4);
    put(bytes, 1, 4);
    put(bytes, 0, 4);  // no third
  }
  return bytes;
}

Tag bits(uint16_t count, uint16_t each) { return {258, std::vector<uint16_t>(count, each)}; }
Tag samples(uint16_t count) { return {277, {count}}; }
Tag photometric(uint16_t kind) { return {262, {kind}}; }  // 0 white is 0, 1 black is 0, 2 RGB, 3 palette, 5 CMYK, 8 Lab

TEST(TiffKinds, GreyOfOneEightAndSixteenBits) {
  EXPECT_THAT(pixels_of(tiff_of(2, 1, {bits(1, 8), photometric(1)}, {7, 250})), ElementsAre(7, 7, 7, 250, 250, 250));
  EXPECT_THAT(pixels_of(tiff_of(2, 1, {bits(1, 8), photometric(0)}, {7, 250})), ElementsAre(248, 248, 248, 5, 5, 5));
  EXPECT_THAT(pixels_of(tiff_of(3, 1, {bits(1, 1), photometric(1)}, {0xA0})),
              ElementsAre(255, 255, 255, 0, 0, 0, 255, 255, 255));
  EXPECT_THAT(pixels_of(tiff_of(2, 1, {bits(1, 16), photometric(1)}, {64, 0, 0, 1})),
              ElementsAre(64, 64, 64, 255, 255, 255));  // 0x0100 clips
}

TEST(TiffKinds, Colour) {
  EXPECT_THAT(pixels_of(tiff_of(2, 1, {bits(3, 8), photometric(2), samples(3)}, {1, 2, 3, 4, 5, 6})),
              ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(pixels_of(tiff_of(1, 1, {bits(3, 16), photometric(2), samples(3)}, {0xFF, 0x12, 0x01, 0x80, 0, 0xFE})),
              ElementsAre(0x12, 0x80, 0xFE));
  EXPECT_THAT(pixels_of(tiff_of(1, 1, {bits(4, 8), photometric(2), samples(4), {338, {2}}}, {9, 8, 7, 0})),
              ElementsAre(9, 8, 7));
}

TEST(TiffKinds, Palette) {
  std::vector<uint16_t> map(3 * 256);
  map[5] = 0xC8FF, map[256 + 5] = 0x6400, map[512 + 5] = 0x3212;  // entry 5: the high bytes count
  EXPECT_THAT(pixels_of(tiff_of(2, 1, {bits(1, 8), photometric(3), {320, map}}, {5, 0})),
              ElementsAre(200, 100, 50, 0, 0, 0));
}

TEST(TiffKinds, PlanesTilesAndInks) {
  EXPECT_THAT(pixels_of(tiff_of(2, 1, {bits(3, 8), photometric(2), samples(3), {284, {2}}}, {1, 4, 2, 5, 3, 6})),
              ElementsAre(1, 2, 3, 4, 5, 6));
  Bytes tile(16 * 16, 0);
  tile[0] = 11, tile[1] = 22, tile[16] = 33;  // rows of 16, of which the picture takes the corner
  EXPECT_THAT(pixels_of(tiff_of(2, 2, {bits(1, 8), photometric(1), {322, {16}}, {323, {16}}}, tile)),
              ElementsAre(11, 11, 11, 22, 22, 22, 33, 33, 33, 0, 0, 0));
  EXPECT_THAT(
      pixels_of(tiff_of(3, 1, {bits(4, 8), photometric(5), samples(4)}, {0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255})),
      ElementsAre(255, 255, 255, 0, 255, 255, 0, 0, 0));  // paper, cyan, black
}

TEST(TiffKinds, OrientationIsApplied) {
  const Image upright = decode_image(tiff_of(2, 1, {bits(1, 8), photometric(1), {274, {6}}}, {7, 250}), "x.tif");
  EXPECT_EQ(upright.width, 1);
  EXPECT_THAT(upright.rgb, ElementsAre(7, 7, 7, 250, 250, 250));
}

TEST(TiffKinds, WhatCannotBeReadRightIsRefused) {
  EXPECT_THAT(error_of(tiff_of(1, 1, {bits(3, 8), photometric(8), samples(3)}, {128, 10, 20})), HasSubstr("L*a*b*"));
  EXPECT_THAT(error_of(tiff_of(2, 1, {bits(1, 8), photometric(1)}, {7, 250}, true)), HasSubstr("several pages"));
}

TEST(TiffKinds, DamageIsAnErrorOrAPicture) {
  const Bytes whole = tiff_of(4, 4, {bits(3, 8), photometric(2), samples(3)}, Bytes(48, 90));
  expect_no_worse_than_errors(whole);
  EXPECT_THAT(error_of({whole.begin(), whole.end() - 1}), HasSubstr("cut off"));
}

}  // namespace
}  // namespace dermis
