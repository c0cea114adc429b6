#include "data/shard/picture_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string_view>

#include "core/error.h"
#include "core/io/read_file.h"
#include "data/image/encode.h"
#include "data/image/image.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

bool holds(const std::vector<uint8_t>& bytes, std::string_view text) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()).find(text) !=
         std::string_view::npos;
}

Image ramp(int width, int height) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height * 3; ++i) image.rgb.push_back(static_cast<uint8_t>(i * 5));
  return image;
}

void insert(std::vector<uint8_t>& bytes, size_t at, const std::string& text) {
  bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), text.begin(), text.end());
}

// Every real picture keeps its pixels to the bit, orientation included, and loses its metadata.
TEST(PictureBytes, PixelsStayAndMetadataGoes) {
  const auto folder = testing::parity_folder() / "pictures";
  DERMIS_NEED(folder);
  int checked = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    const std::string path = entry.path().string();
    if (path.find("decoded") != std::string::npos || !entry.is_regular_file()) continue;
    const auto extension = entry.path().extension();
    if (extension != ".jpg" && extension != ".png") continue;
    const auto file = read_bytes(path);
    Image before;
    try {
      before = decode_image(file, path);
    } catch (const Error&) {
      continue;  // a picture that cannot be read never reaches a shard
    }
    const auto kept = picture_for_shard(file, path, before.width, before.height, 0);
    const Image after = decode_image(kept.bytes, path);
    EXPECT_EQ(after.width, before.width) << path;
    EXPECT_EQ(after.rgb, before.rgb) << path;
    EXPECT_FALSE(holds(kept.bytes, "Photoshop")) << path;
    ++checked;
  }
  EXPECT_GT(checked, 5);
}

TEST(PictureBytes, JpegLosesWordsAndPlacesButNotItsTurn) {
  auto file = encode_jpeg(ramp(16, 8), 90);
  // A comment, and EXIF with orientation 6 (tag 0x0112) and a maker's name (tag 0x010F) that points at "ClinicCam".
  insert(file, 2, std::string("\xFF\xFE\x00\x0Csecret ward", 14));
  const std::string exif(
      "Exif\0\0MM\0*"
      "\0\0\0\x08\0\x02\x01\x0F\0\x02\0\0\0\x0A\0\0\0\x26\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0ClinicCam\0",
      54);
  insert(file, 2, std::string("\xFF\xE1\x00", 3) + static_cast<char>(exif.size() + 2) + exif);
  const Image before = decode_image(file, "x");
  ASSERT_EQ(before.width, 8);  // turned upright
  const auto kept = jpeg_without_metadata(file, "x");
  EXPECT_FALSE(holds(kept, "secret"));
  EXPECT_FALSE(holds(kept, "ClinicCam"));
  EXPECT_EQ(decode_image(kept, "x").rgb, before.rgb);
}

TEST(PictureBytes, PngLosesItsText) {
  auto file = encode_png(ramp(5, 4));
  // tEXt chunk "Name\0Jane" with its CRC, behind the 8 bytes of signature and 25 of IHDR.
  insert(file, 33, std::string("\0\0\0\x09tEXtName\0Jane\x23\x75\x88\x3f", 21));
  const auto kept = png_without_metadata(file, "x");
  EXPECT_FALSE(holds(kept, "Jane"));
  EXPECT_EQ(decode_image(kept, "x").rgb, ramp(5, 4).rgb);
}

TEST(PictureBytes, ShrinksOnlyWhatIsLarger) {
  const auto jpeg = encode_jpeg(ramp(300, 200), 90);
  const auto small = picture_for_shard(jpeg, "x", 300, 200, 150);
  EXPECT_EQ(small.extension, "jpg");
  EXPECT_EQ(small.width, 150);
  EXPECT_EQ(small.height, 100);
  EXPECT_EQ(decode_image(small.bytes, "x").height, 100);
  EXPECT_EQ(picture_for_shard(jpeg, "x", 300, 200, 300).bytes, jpeg_without_metadata(jpeg, "x"));
}

TEST(PictureBytes, NamesDamagedFiles) {
  const auto jpeg = encode_jpeg(ramp(16, 8), 90);
  const auto png = encode_png(ramp(16, 8));
  for (size_t cut : {size_t{3}, size_t{10}, size_t{40}}) {
    const std::vector<uint8_t> half_jpeg(jpeg.begin(), jpeg.begin() + static_cast<std::ptrdiff_t>(cut));
    const std::vector<uint8_t> half_png(png.begin(), png.begin() + static_cast<std::ptrdiff_t>(cut));
    EXPECT_THROW(jpeg_without_metadata(half_jpeg, "x"), Error) << cut;
    EXPECT_THROW(png_without_metadata(half_png, "x"), Error) << cut;
  }
}

}  // namespace
}  // namespace dermis
