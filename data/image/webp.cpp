#include <cstring>

#include <webp/decode.h>

#include "data/image/exif.h"
#include "data/image/format.h"
#include "data/image/still_formats.h"

namespace dermis {
namespace {

int webp_orientation(std::span<const uint8_t> bytes) {
  size_t at = 12;  // RIFF, size, WEBP
  while (at + 8 <= bytes.size()) {
    const size_t size = bytes[at + 4] | bytes[at + 5] << 8 | bytes[at + 6] << 16 | size_t{bytes[at + 7]} << 24;
    if (size > bytes.size() - at - 8) break;
    if (std::memcmp(bytes.data() + at, "EXIF", 4) == 0) return exif_orientation(bytes.subspan(at + 8, size));
    at += 8 + size + (size & 1);
  }
  return 1;
}

}  // namespace

StoredImage decode_webp(std::span<const uint8_t> bytes, const std::string& name) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(bytes.data(), bytes.size(), &features);
  if (status == VP8_STATUS_NOT_ENOUGH_DATA) throw_truncated(name, "the WebP header ends early");
  if (status != VP8_STATUS_OK) throw_unreadable(name, "WebP data is damaged", "no valid WebP header");
  if (features.has_animation != 0) throw_animated(name, "an animated WebP");
  check_size(features.width, features.height, name);
  StoredImage stored;
  stored.image.width = features.width;
  stored.image.height = features.height;
  const size_t stride = size_t{3} * static_cast<size_t>(features.width);
  stored.image.rgb.resize(stride * static_cast<size_t>(features.height));
  if (WebPDecodeRGBInto(bytes.data(), bytes.size(), stored.image.rgb.data(), stored.image.rgb.size(),
                        static_cast<int>(stride)) == nullptr) {
    const size_t promised = 8 + (bytes[4] | bytes[5] << 8 | bytes[6] << 16 | size_t{bytes[7]} << 24);
    if (promised > bytes.size()) {
      throw_truncated(name, std::to_string(bytes.size()) + " of " + std::to_string(promised) + " bytes");
    }
    throw_unreadable(name, "WebP data is damaged", "pixel data that does not decode");
  }
  stored.orientation = webp_orientation(bytes);
  return stored;
}

}  // namespace dermis
