// Pictures back to file bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "data/image/image.h"

namespace dermis {

// Baseline JPEG with 4:2:0 chroma and no metadata; quality 1..100 on libjpeg's scale.
std::vector<uint8_t> encode_jpeg(const Image& image, int quality);
// 8-bit RGB PNG without metadata; lossless. `compression` 0..9 on zlib's scale.
std::vector<uint8_t> encode_png(const Image& image, int compression = 6);

}  // namespace dermis
