// Decoders of the formats other than JPEG, each one function: bytes in, stored (not yet upright) RGB and its EXIF
// orientation out. `name` is named in Error(data).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "data/image/image.h"

namespace dermis {

struct StoredImage {
  Image image;
  int orientation = 1;
};

// 16-bit grey is clipped to 255 and 16-bit colour keeps its high byte, palettes are expanded, transparency is dropped:
// as Pillow's convert("RGB"). Animated PNG is refused.
StoredImage decode_png(std::span<const uint8_t> bytes, const std::string& name);
// Still WebP, lossy or lossless; transparency is dropped.
StoredImage decode_webp(std::span<const uint8_t> bytes, const std::string& name);
// One-page TIFF of 1, 8 or 16 bits a sample. Planes, tiles, YCbCr and CMYK go through libtiff's own conversion; L*a*b*
// is refused.
StoredImage decode_tiff(std::span<const uint8_t> bytes, const std::string& name);
// Uncompressed Windows bitmaps of 1, 4, 8, 24 or 32 bits a pixel.
StoredImage decode_bmp(std::span<const uint8_t> bytes, const std::string& name);

}  // namespace dermis
