// Every picture of the parity folder: decoded as Pillow decodes it, resized as Pillow 13 resizes it, normalised as
// Hugging Face's processors do.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/io/hash.h"
#include "core/io/safetensors.h"
#include "data/image/fitted.h"
#include "data/image/image.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;

fs::path pictures_folder() { return testing::parity_folder() / "pictures"; }

nlohmann::json facts() { return nlohmann::json::parse(std::ifstream(pictures_folder() / "pictures.json")); }

fs::path file_of(const nlohmann::json& picture) {
  const std::string file = picture["file"];
  return file.rfind("data/", 0) == 0 ? testing::real_data_folder() / file.substr(5) : pictures_folder() / file;
}

int64_t differing_bytes(const std::vector<uint8_t>& a, std::span<const std::byte> b) {
  if (a.size() != b.size()) return -1;
  int64_t count = 0;
  for (size_t i = 0; i < a.size(); ++i) count += a[i] != static_cast<uint8_t>(b[i]);
  return count;
}

TEST(PicturesParity, DecodesEveryPictureAsPillow) {
  DERMIS_NEED(pictures_folder());
  const nlohmann::json all = facts();
  int checked = 0;
  for (const auto& picture : all["pictures"]) {
    const fs::path file = file_of(picture);
    if (!fs::exists(file)) continue;
    const std::string name = picture["name"];
    const Image image = read_image(file.string());
    EXPECT_EQ(image.width, picture["upright_size"][0]) << name;
    EXPECT_EQ(image.height, picture["upright_size"][1]) << name;
    EXPECT_EQ(sha256_hex(std::as_bytes(std::span(image.rgb))), picture["rgb_sha256"]) << name;
    ++checked;
  }
  EXPECT_GE(checked, 20);
}

TEST(PicturesParity, StoredDecodedPicturesShowWhereADecoderDiffers) {
  DERMIS_NEED(pictures_folder());
  const nlohmann::json all = facts();
  int checked = 0;
  for (const auto& picture : all["pictures"]) {
    if (!picture.contains("decoded") || !fs::exists(file_of(picture))) continue;
    ++checked;
    const Image image = read_image(file_of(picture).string());
    const Image expected = read_image((pictures_folder() / picture["decoded"].get<std::string>()).string());
    EXPECT_EQ(differing_bytes(image.rgb, std::as_bytes(std::span(expected.rgb))), 0) << picture["name"];
  }
  EXPECT_GE(checked, 10);
}

TEST(PicturesParity, ResizesAsPillow13) {
  DERMIS_NEED(pictures_folder());
  const nlohmann::json all = facts();
  const auto expected = SafetensorsFile::open((pictures_folder() / "resized.safetensors").string());
  int checked = 0;
  for (const auto& picture : all["pictures"]) {
    if (!fs::exists(file_of(picture))) continue;
    const Image image = read_image(file_of(picture).string());
    const std::string name = picture["name"];
    for (const auto& [label, processor] : all["processors"].items()) {
      const TensorView* golden = expected.find(name + "/" + label);
      if (golden == nullptr || !processor["size"].contains("height")) continue;
      const Image resized = resize(image, processor["size"]["width"], processor["size"]["height"],
                                   static_cast<ResampleFilter>(processor["resample"].get<int>()));
      EXPECT_EQ(differing_bytes(resized.rgb, golden->bytes), 0) << name << " " << label;
      ++checked;
    }
  }
  EXPECT_GE(checked, 50);
}

TEST(PicturesParity, NormalisesAsTheProcessors) {
  DERMIS_NEED(pictures_folder());
  const nlohmann::json all = facts();
  const auto expected = SafetensorsFile::open((pictures_folder() / "pixel_values.safetensors").string());
  int checked = 0;
  for (const TensorView& golden : expected.tensors()) {
    const auto& processor = all["processors"][golden.name.substr(golden.name.find('/') + 1)];
    if (!processor["size"].contains("height")) continue;
    for (const auto& picture : all["pictures"]) {
      if (golden.name.rfind(picture["name"].get<std::string>() + "/", 0) != 0 || !fs::exists(file_of(picture)))
        continue;
      ImageFormat format;
      format.size = processor["size"]["height"];
      format.filter = static_cast<ResampleFilter>(processor["resample"].get<int>());
      format.mean = processor["image_mean"];
      format.std = processor["image_std"];
      std::vector<uint8_t> planes(golden.bytes.size() / sizeof(float));
      to_planes(read_image(file_of(picture).string()), format, planes.data());
      std::vector<float> values(planes.size());
      normalise(planes, format, values);
      float largest = 0;
      for (size_t i = 0; i < values.size(); ++i) {
        float value;
        std::memcpy(&value, golden.bytes.data() + i * sizeof(float), sizeof(float));
        largest = std::max(largest, std::abs(value - values[i]));
      }
      EXPECT_LE(largest, 2e-7F) << golden.name;
      ++checked;
    }
  }
  EXPECT_GE(checked, 1);
}

}  // namespace
}  // namespace dermis
