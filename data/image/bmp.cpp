#include <cstdlib>
#include <cstring>

#include "data/image/format.h"
#include "data/image/still_formats.h"

namespace dermis {
namespace {

struct Header {
  size_t pixels = 0;   // offset of the pixel rows
  size_t palette = 0;  // offset of the palette, 4 bytes an entry
  size_t colours = 0;
  int64_t width = 0, height = 0;
  bool top_down = false;
  uint32_t bits = 0;
};

uint32_t u32(std::span<const uint8_t> b, size_t at) {
  return b[at] | b[at + 1] << 8 | b[at + 2] << 16 | uint32_t{b[at + 3]} << 24;
}

Header read_header(std::span<const uint8_t> b, const std::string& name) {
  constexpr uint32_t kUncompressed = 0;
  constexpr uint32_t kMasks = 3;
  if (b.size() < 54) throw_truncated(name, std::to_string(b.size()) + " bytes, less than a header");
  Header h;
  h.pixels = u32(b, 10);
  const uint32_t header_size = u32(b, 14);
  if (header_size < 40) throw_unreadable(name, "BMP of a kind that is not read", "an OS/2 header");
  const auto height = static_cast<int32_t>(u32(b, 22));
  h.width = static_cast<int32_t>(u32(b, 18));
  h.height = std::llabs(static_cast<long long>(height));
  h.top_down = height < 0;
  h.bits = b[28] | b[29] << 8;
  const uint32_t compression = u32(b, 30);
  bool known_masks = compression == kUncompressed;
  if (compression == kMasks && h.bits == 32 && b.size() >= 66) {
    known_masks = u32(b, 54) == 0xFF0000 && u32(b, 58) == 0xFF00 && u32(b, 62) == 0xFF;
  }
  const bool known_bits = h.bits == 1 || h.bits == 4 || h.bits == 8 || h.bits == 24 || h.bits == 32;
  if (!known_masks || !known_bits) {
    throw_unreadable(name, "BMP of a kind that is not read",
                     std::to_string(h.bits) + " bits a pixel, compression " + std::to_string(compression));
  }
  check_size(h.width, h.height, name);
  h.palette = size_t{14} + header_size;
  const uint32_t colours = u32(b, 46);
  h.colours = h.bits > 8 ? 0 : colours == 0 || colours > 1U << h.bits ? 1U << h.bits : colours;
  if (h.palette > b.size() || 4 * h.colours > b.size() - h.palette) throw_truncated(name, "the palette ends early");
  return h;
}

void unpack_row(std::span<const uint8_t> b, const Header& h, const uint8_t* row, uint8_t* out) {
  for (size_t x = 0; x < static_cast<size_t>(h.width); ++x, out += 3) {
    const uint8_t* bgr = row + x * (h.bits / 8);
    if (h.bits <= 8) {
      const size_t bit = x * h.bits;
      const size_t index = row[bit / 8] >> (8 - h.bits - bit % 8) & ((1U << h.bits) - 1);
      static constexpr uint8_t kBlack[3] = {0, 0, 0};
      bgr = index < h.colours ? b.data() + h.palette + 4 * index : kBlack;
    }
    out[0] = bgr[2];
    out[1] = bgr[1];
    out[2] = bgr[0];
  }
}

}  // namespace

StoredImage decode_bmp(std::span<const uint8_t> bytes, const std::string& name) {
  const Header h = read_header(bytes, name);
  const size_t stride = (static_cast<size_t>(h.width) * h.bits + 31) / 32 * 4;
  const auto height = static_cast<size_t>(h.height);
  if (h.pixels > bytes.size() || stride * height > bytes.size() - h.pixels) {
    throw_truncated(name,
                    std::to_string(bytes.size()) + " of " + std::to_string(h.pixels + stride * height) + " bytes");
  }
  StoredImage stored;
  stored.image.width = static_cast<int>(h.width);
  stored.image.height = static_cast<int>(h.height);
  stored.image.rgb.resize(size_t{3} * static_cast<size_t>(h.width) * height);
  for (size_t y = 0; y < height; ++y) {
    const uint8_t* row = bytes.data() + h.pixels + stride * (h.top_down ? y : height - 1 - y);
    unpack_row(bytes, h, row, stored.image.rgb.data() + 3 * y * static_cast<size_t>(h.width));
  }
  return stored;
}

}  // namespace dermis
