// Small sources written to disk for the importers' tests.
#pragma once

#include <array>
#include <filesystem>
#include <fstream>
#include <string>

#include "core/io/atomic_folder.h"
#include "data/image/encode.h"
#include "tests/support/paths.h"

namespace dermis::testing {

inline void write_text(const std::string& path, const std::string& text) {
  make_folder(std::filesystem::path(path).parent_path().string());
  std::ofstream(path, std::ios::binary) << text;
}

// A picture whose low frequencies depend on `seed`, so that different seeds look different to a perceptual hash.
inline Image patterned_image(int seed, int size = 48) {
  Image image{size, size, {}};
  uint32_t state = static_cast<uint32_t>(seed) * 2654435761U + 1;
  std::array<uint8_t, 64> cells{};
  for (uint8_t& cell : cells) {
    state = state * 1664525U + 1013904223U;
    cell = static_cast<uint8_t>(state >> 24);
  }
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      const uint8_t value = cells[static_cast<size_t>((y * 8 / size) * 8 + x * 8 / size)];
      image.rgb.insert(image.rgb.end(), {value, static_cast<uint8_t>(255 - value), 90});
    }
  }
  return image;
}

inline void write_picture(const std::string& path, int seed, int size = 48) {
  const std::vector<uint8_t> bytes = encode_png(patterned_image(seed, size));
  write_text(path, std::string(bytes.begin(), bytes.end()));
}

}  // namespace dermis::testing
