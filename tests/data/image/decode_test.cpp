#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "core/error.h"
#include "data/image/encode.h"
#include "data/image/image.h"
#include "tests/data/image/png_bytes.h"
#include "tests/data/image/samples.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using ::testing::HasSubstr;
using testing::noise_image;
using testing::pixel_at;
using testing::png_chunk;
using testing::smooth_image;
using testing::with_orientation;

// The message of the data error that decoding `bytes` ends in.
std::string error_of(const std::vector<uint8_t>& bytes) {
  try {
    decode_image(bytes, "lesion.jpg");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_EQ(error.info().where, "lesion.jpg");
    EXPECT_FALSE(error.info().fix.empty());
    return error.what();
  }
  return "decoded";
}

std::vector<uint8_t> bytes_of(const std::string& text) { return {text.begin(), text.end()}; }

TEST(DecodeImage, PngKeepsEveryByte) {
  const Image image = noise_image(37, 21);
  const Image back = decode_image(encode_png(image), "x.png");
  EXPECT_EQ(back.width, 37);
  EXPECT_EQ(back.height, 21);
  EXPECT_EQ(back.rgb, image.rgb);
}

// Where stored pixel (x, y) of a w x h picture shows upright: the eight rows of the EXIF 2.3 table.
std::pair<int, int> upright_place(int orientation, int x, int y, int w, int h) {
  switch (orientation) {
    case 2: return {w - 1 - x, y};
    case 3: return {w - 1 - x, h - 1 - y};
    case 4: return {x, h - 1 - y};
    case 5: return {y, x};
    case 6: return {h - 1 - y, x};
    case 7: return {h - 1 - y, w - 1 - x};
    case 8: return {y, w - 1 - x};
    default: return {x, y};
  }
}

TEST(DecodeImage, AppliesAllEightOrientations) {
  const int w = 31;
  const int h = 17;
  const std::vector<uint8_t> jpeg = encode_jpeg(smooth_image(w, h), 90);
  const Image stored = decode_image(jpeg, "stored.jpg");
  for (const bool little : {false, true}) {
    for (int orientation = 1; orientation <= 8; ++orientation) {
      const Image upright = decode_image(with_orientation(jpeg, static_cast<uint8_t>(orientation), little), "t.jpg");
      ASSERT_EQ(upright.width, orientation >= 5 ? h : w);
      ASSERT_EQ(upright.height, orientation >= 5 ? w : h);
      for (int y = 0; y < h; ++y) {
        for (int x = 0; x < w; ++x) {
          const auto [ux, uy] = upright_place(orientation, x, y, w, h);
          ASSERT_EQ(std::memcmp(pixel_at(upright, ux, uy), pixel_at(stored, x, y), 3), 0)
              << "orientation " << orientation << " at " << x << "," << y;
        }
      }
    }
  }
}

TEST(DecodeImage, OrientationOutOfRangeMeansUpright) {
  const std::vector<uint8_t> jpeg = encode_jpeg(smooth_image(16, 24), 90);
  for (const uint8_t value : {uint8_t{0}, uint8_t{9}, uint8_t{255}}) {
    EXPECT_EQ(decode_image(with_orientation(jpeg, value, true), "t.jpg").rgb, decode_image(jpeg, "t.jpg").rgb);
  }
}

TEST(DecodeImage, TruncatedJpegIsAnErrorAtEveryLength) {
  const std::vector<uint8_t> jpeg = encode_jpeg(smooth_image(64, 64), 85);
  for (size_t size = 3; size < jpeg.size(); size += size < 700 ? 41 : 7) {
    EXPECT_THAT(error_of({jpeg.begin(), jpeg.begin() + static_cast<int64_t>(size)}), HasSubstr("cut off")) << size;
  }
}

TEST(DecodeImage, TruncatedPngIsAnErrorAtEveryLength) {
  const std::vector<uint8_t> png = encode_png(smooth_image(40, 40));
  for (size_t size = 8; size < png.size(); size += 13) {
    EXPECT_THAT(error_of({png.begin(), png.begin() + static_cast<int64_t>(size)}), HasSubstr("cut off")) << size;
  }
}

TEST(DecodeImage, DamageIsNamed) {
  std::vector<uint8_t> png = encode_png(smooth_image(40, 40));
  png[png.size() / 2] ^= 0x55;  // breaks a CRC
  EXPECT_THAT(error_of(png), HasSubstr("PNG data is damaged"));
  std::vector<uint8_t> jpeg = encode_jpeg(smooth_image(64, 64), 85);
  const std::vector<uint8_t> end{0xFF, 0xD9};  // closes the picture half way
  jpeg.resize(jpeg.size() - jpeg.size() / 4);
  jpeg.insert(jpeg.end(), end.begin(), end.end());
  EXPECT_THAT(error_of(jpeg), HasSubstr("damaged"));
}

TEST(DecodeImage, OtherFilesAreNamedForWhatTheyAre) {
  EXPECT_THAT(error_of({}), HasSubstr("empty"));
  EXPECT_THAT(error_of(bytes_of("GIF89a....")), HasSubstr("a GIF"));
  EXPECT_THAT(error_of(bytes_of("<html>not found</html>")), HasSubstr("HTML"));
  EXPECT_THAT(error_of(bytes_of("%PDF-1.4")), HasSubstr("PDF"));
  EXPECT_THAT(error_of(bytes_of("no picture at all")), HasSubstr("unknown format"));
}

constexpr int64_t kPngHeader = 33;  // signature and IHDR chunk

TEST(DecodeImage, AnimatedPngIsRefused) {
  std::vector<uint8_t> png = encode_png(smooth_image(8, 8));
  const auto animation = png_chunk("acTL", {0, 0, 0, 12, 0, 0, 0, 0});
  png.insert(png.begin() + kPngHeader, animation.begin(), animation.end());
  EXPECT_THAT(error_of(png), HasSubstr("12 frames"));
}

TEST(DecodeImage, HugePictureIsRefusedBeforeItIsDecompressed) {
  std::vector<uint8_t> png = encode_png(smooth_image(8, 8));
  // 100,000 x 100,000 pixels of 8-bit RGB.
  const auto header = png_chunk("IHDR", {0, 1, 0x86, 0xA0, 0, 1, 0x86, 0xA0, 8, 2, 0, 0, 0});
  std::copy(header.begin(), header.end(), png.begin() + 8);
  EXPECT_THAT(error_of(png), HasSubstr("100000 x 100000"));
}

TEST(DecodeImage, PngOrientationIsApplied) {
  const Image image = noise_image(5, 3);
  std::vector<uint8_t> png = encode_png(image);
  const auto exif =
      png_chunk("eXIf", {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 0});
  png.insert(png.begin() + kPngHeader, exif.begin(), exif.end());
  const Image upright = decode_image(png, "x.png");
  ASSERT_EQ(upright.width, 3);
  ASSERT_EQ(upright.height, 5);
  EXPECT_EQ(std::memcmp(pixel_at(upright, 2, 0), pixel_at(image, 0, 0), 3), 0);
}

// A 3 x 2 bitmap written by hand: 24 bits, rows bottom to top, padded to four bytes.
TEST(DecodeImage, BitmapByHand) {
  std::vector<uint8_t> bmp(54 + 2 * 12, 0);
  bmp[0] = 'B', bmp[1] = 'M', bmp[10] = 54, bmp[14] = 40, bmp[18] = 3, bmp[22] = 2, bmp[26] = 1, bmp[28] = 24;
  bmp[54] = 1, bmp[55] = 2, bmp[56] = 3;     // blue, green, red of the lower left pixel
  bmp[66] = 10, bmp[67] = 20, bmp[68] = 30;  // upper left
  const Image image = decode_image(bmp, "x.bmp");
  ASSERT_EQ(image.width, 3);
  ASSERT_EQ(image.height, 2);
  EXPECT_EQ(std::vector<uint8_t>(image.rgb.begin(), image.rgb.begin() + 3), (std::vector<uint8_t>{30, 20, 10}));
  EXPECT_EQ(std::vector<uint8_t>(image.rgb.begin() + 9, image.rgb.begin() + 12), (std::vector<uint8_t>{3, 2, 1}));
  bmp.pop_back();
  EXPECT_THAT(error_of(bmp), HasSubstr("cut off"));
}

// Files with single flipped bytes decode or fail with a data error; nothing else may happen.
TEST(DecodeImage, FlippedBytesNeverDoWorse) {
  for (const auto& file : {encode_jpeg(smooth_image(48, 40), 80), encode_png(smooth_image(24, 24))}) {
    Random random(5, RandomPurpose::selftest);
    for (int i = 0; i < 200; ++i) {
      auto damaged = file;
      damaged[3 + random.below(damaged.size() - 3)] ^= static_cast<uint8_t>(1 + random.below(255));
      try {
        decode_image(damaged, "damaged");
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::data);
      }
    }
  }
}

TEST(ReadImage, AbsentFileIsNamed) {
  try {
    read_image("/no/such/lesion.jpg");
    FAIL() << "read a file that does not exist";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("/no/such/lesion.jpg"));
  }
}

}  // namespace
}  // namespace dermis
