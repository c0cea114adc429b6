#include "data/image/exif.h"

#include <cstring>
#include <utility>

namespace dermis {
namespace {

class TiffBlock {
 public:
  explicit TiffBlock(std::span<const uint8_t> bytes) : bytes_(bytes) {
    little_ = bytes.size() >= 2 && bytes[0] == 'I' && bytes[1] == 'I';
  }
  bool has(size_t at, size_t count) const { return at <= bytes_.size() && count <= bytes_.size() - at; }
  uint32_t u16(size_t at) const {
    return little_ ? bytes_[at] | bytes_[at + 1] << 8 : bytes_[at] << 8 | bytes_[at + 1];
  }
  uint32_t u32(size_t at) const { return little_ ? u16(at) | u16(at + 2) << 16 : u16(at) << 16 | u16(at + 2); }

 private:
  std::span<const uint8_t> bytes_;
  bool little_;
};

}  // namespace

int exif_orientation(std::span<const uint8_t> block) {
  constexpr uint32_t kOrientation = 0x0112;
  constexpr uint32_t kShort = 3;
  if (block.size() >= 6 && std::memcmp(block.data(), "Exif\0\0", 6) == 0) block = block.subspan(6);
  const TiffBlock tiff(block);
  if (!tiff.has(0, 8) || (block[0] != 'I' && block[0] != 'M')) return 1;
  const size_t directory = tiff.u32(4);
  if (!tiff.has(directory, 2)) return 1;
  const size_t entries = tiff.u16(directory);
  for (size_t i = 0; i < entries; ++i) {
    const size_t entry = directory + 2 + 12 * i;
    if (!tiff.has(entry, 12)) return 1;
    if (tiff.u16(entry) != kOrientation) continue;
    const uint32_t value = tiff.u16(entry + 2) == kShort ? tiff.u16(entry + 8) : tiff.u32(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

Image apply_orientation(Image image, int orientation) {
  if (orientation <= 1 || orientation > 8) return image;
  const bool transposed = orientation >= 5;
  const int64_t width = image.width;
  const int64_t height = image.height;
  // Upright pixel (x, y) comes from stored offset start + x * step_x + y * step_y.
  const bool from_right = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_bottom = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const int64_t start = 3 * ((from_right ? width - 1 : 0) + (from_bottom ? (height - 1) * width : 0));
  const int64_t along_columns = from_right ? -3 : 3;
  const int64_t along_rows = from_bottom ? -3 * width : 3 * width;
  const int64_t step_x = transposed ? along_rows : along_columns;
  const int64_t step_y = transposed ? along_columns : along_rows;
  Image upright;
  upright.width = static_cast<int>(transposed ? height : width);
  upright.height = static_cast<int>(transposed ? width : height);
  upright.rgb.resize(image.rgb.size());
  uint8_t* out = upright.rgb.data();
  for (int y = 0; y < upright.height; ++y) {
    const uint8_t* in = image.rgb.data() + start + y * step_y;
    for (int x = 0; x < upright.width; ++x, in += step_x, out += 3) std::memcpy(out, in, 3);
  }
  return upright;
}

}  // namespace dermis
