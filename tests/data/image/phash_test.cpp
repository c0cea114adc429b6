#include "data/image/phash.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "data/image/encode.h"
#include "tests/data/image/samples.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

TEST(PerceptualHash, ConstantPictureHasItsConstantTermAlone) {
  Image image = testing::noise_image(50, 40);
  std::fill(image.rgb.begin(), image.rgb.end(), uint8_t{90});
  EXPECT_EQ(phash_text(perceptual_hash(image)), "8000000000000000");
}

// A ramp from left to right has no vertical frequencies; its horizontal ones of odd order are negative, even ones zero,
// so the median is 0 and the constant term alone is above it. Mirrored, the odd ones are positive.
TEST(PerceptualHash, RampByHand) {
  Image image = testing::noise_image(32, 32);
  for (size_t i = 0; i < 32 * 32; ++i)
    std::fill_n(image.rgb.begin() + static_cast<int64_t>(3 * i), 3, static_cast<uint8_t>(8 * (i % 32)));
  EXPECT_EQ(phash_text(perceptual_hash(image)), "8000000000000000");
  for (size_t i = 0; i < 32 * 32; ++i)
    std::fill_n(image.rgb.begin() + static_cast<int64_t>(3 * i), 3, static_cast<uint8_t>(248 - 8 * (i % 32)));
  EXPECT_EQ(phash_text(perceptual_hash(image)), "d500000000000000");
}

TEST(PerceptualHash, TextRoundTrip) {
  EXPECT_EQ(phash_value("00ff00000000a5c3"), 0x00ff00000000a5c3U);
  EXPECT_EQ(phash_text(0x00ff00000000a5c3U), "00ff00000000a5c3");
  EXPECT_THROW(phash_value("xyz"), Error);
  EXPECT_THROW(phash_value("00FF00000000A5C3"), Error);
  EXPECT_EQ(hamming_distance(0b1011, 0b0001), 2);
}

TEST(PerceptualHash, RealPicturesSurviveReEncodingAndDifferFromEachOther) {
  const auto folder = testing::real_data_folder() / "sample" / "isic2017";
  DERMIS_NEED(folder);
  std::vector<uint64_t> hashes;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".jpg" || hashes.size() == 12) continue;
    const Image image = read_image(entry.path().string());
    const uint64_t hash = perceptual_hash(image);
    EXPECT_LE(hamming_distance(hash, perceptual_hash(decode_image(encode_jpeg(image, 50), "again.jpg"))), 4) << entry;
    const Image smaller = resize(image, image.width * 2 / 3, image.height * 2 / 3, ResampleFilter::bicubic);
    EXPECT_LE(hamming_distance(hash, perceptual_hash(smaller)), 4) << entry;
    for (const uint64_t other : hashes) EXPECT_GT(hamming_distance(hash, other), 4) << entry;
    hashes.push_back(hash);
  }
  EXPECT_GE(hashes.size(), 5U);
}

}  // namespace
}  // namespace dermis
