// Decoded pictures and what happens to them before a model sees them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/contract.h"

namespace dermis {

struct Image {  // 8-bit RGB, rows top to bottom, interleaved
  int width = 0;
  int height = 0;
  std::vector<uint8_t> rgb;  // [height, width, 3]
};

// Decodes JPEG, PNG, BMP, TIFF, WebP bytes the way Pillow's convert("RGB") with EXIF orientation applied does.
// `name` is named in Error(data): unreadable, truncated, empty, animated (only still pictures), too large.
Image decode_image(std::span<const uint8_t> bytes, const std::string& name);
Image read_image(const std::string& path);

struct Box {  // in source pixels; may be fractional, as Pillow's resize(box=...)
  double x0, y0, x1, y1;
};
// Pillow's resampling to the bit (fixed point, antialiased). `box` null: the whole picture.
Image resize(const Image& image, int width, int height, ResampleFilter filter, const Box* box = nullptr);

// Stretch (of `box`, when given, the part inside it) to format.size x format.size and lay out as planes [3, S, S].
void to_planes(const Image& image, const ImageFormat& format, uint8_t* planes, const Box* box = nullptr);

}  // namespace dermis
