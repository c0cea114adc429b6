// Pictures and file bytes that several image tests make.
#pragma once

#include <cstdint>
#include <vector>

#include "core/random.h"
#include "data/image/image.h"

namespace dermis::testing {

inline Image noise_image(int width, int height, uint64_t seed = 0) {
  Image image;
  image.width = width;
  image.height = height;
  image.rgb.resize(size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height));
  Random random(seed, RandomPurpose::selftest, static_cast<uint64_t>(width), static_cast<uint64_t>(height));
  for (uint8_t& value : image.rgb) value = static_cast<uint8_t>(random.below(256));
  return image;
}

// Slow waves of colour: what JPEG was made for.
inline Image smooth_image(int width, int height) {
  Image image = noise_image(width, height);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      uint8_t* pixel =
          image.rgb.data() + 3 * (static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x));
      pixel[0] = static_cast<uint8_t>(255 * x / width);
      pixel[1] = static_cast<uint8_t>(255 * y / height);
      pixel[2] = static_cast<uint8_t>((x * x / width + y) % 256);
    }
  }
  return image;
}

inline const uint8_t* pixel_at(const Image& image, int x, int y) {
  return image.rgb.data() + 3 * (static_cast<size_t>(y) * static_cast<size_t>(image.width) + static_cast<size_t>(x));
}

// A JPEG with an EXIF segment that holds the orientation alone.
inline std::vector<uint8_t> with_orientation(const std::vector<uint8_t>& jpeg, uint8_t orientation, bool little) {
  std::vector<uint8_t> segment{0xFF, 0xE1, 0, 34, 'E', 'x', 'i', 'f', 0, 0};
  const std::vector<uint8_t> big_block{'M', 'M', 0, 42, 0, 0, 0,           8, 0, 1, 1, 0x12, 0,
                                       3,   0,   0, 0,  1, 0, orientation, 0, 0, 0, 0, 0,    0};
  const std::vector<uint8_t> little_block{'I', 'I', 42, 0, 8, 0,           0, 0, 1, 0, 0x12, 1, 3,
                                          0,   1,   0,  0, 0, orientation, 0, 0, 0, 0, 0,    0, 0};
  const auto& block = little ? little_block : big_block;
  segment.insert(segment.end(), block.begin(), block.end());
  std::vector<uint8_t> result = jpeg;
  result.insert(result.begin() + 2, segment.begin(), segment.end());
  return result;
}

}  // namespace dermis::testing
