#include "data/shard/picture_bytes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "core/io/hash.h"
#include "data/image/encode.h"
#include "data/image/exif.h"
#include "data/image/fitted.h"
#include "data/image/format.h"
#include "data/image/image.h"

namespace dermis {
namespace {

constexpr int kJpegQuality = 95;
constexpr uint8_t kStartOfScan = 0xDA, kApp0 = 0xE0, kApp1 = 0xE1, kApp14 = 0xEE, kApp15 = 0xEF, kComment = 0xFE;

size_t big_endian(std::span<const uint8_t> bytes, size_t at, size_t width) {
  size_t value = 0;
  for (size_t i = 0; i < width; ++i) value = value << 8 | bytes[at + i];
  return value;
}

void append(std::vector<uint8_t>& to, std::span<const uint8_t> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// A TIFF header and one directory entry: the orientation tag (0x0112, short, one value).
std::array<uint8_t, 26> orientation_block(int orientation) {
  return {'M', 'M', 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, static_cast<uint8_t>(orientation),
          0,   0,   0, 0,  0, 0};
}

// JFIF (0) and Adobe (14) say how the pixels are coded; every other APPn and comments are metadata.
bool is_metadata(uint8_t marker) {
  return marker == kComment || (marker > kApp0 && marker <= kApp15 && marker != kApp14);
}

void append_jpeg_orientation(std::vector<uint8_t>& out, int orientation) {
  const auto block = orientation_block(orientation);
  const std::array<uint8_t, 6> name{'E', 'x', 'i', 'f', 0, 0};
  const size_t length = 2 + name.size() + block.size();
  append(out, std::array<uint8_t, 4>{0xFF, kApp1, 0, static_cast<uint8_t>(length)});
  append(out, name);
  append(out, block);
}

void append_png_chunk(std::vector<uint8_t>& out, const char* type, std::span<const uint8_t> data) {
  std::vector<uint8_t> body(type, type + 4);
  append(body, data);
  const uint32_t crc = crc32(std::as_bytes(std::span(body)));
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(data.size() >> shift));
  append(out, body);
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(crc >> shift));
}

// Chunks that hold words, times, places or colour profiles; none of them changes a decoded pixel.
bool is_metadata_chunk(std::span<const uint8_t> type) {
  for (const char* name : {"tEXt", "zTXt", "iTXt", "eXIf", "tIME", "iCCP"}) {
    if (std::memcmp(type.data(), name, 4) == 0) return true;
  }
  return false;
}

}  // namespace

std::vector<uint8_t> jpeg_without_metadata(std::span<const uint8_t> file, const std::string& name) {
  std::vector<uint8_t> out = {0xFF, 0xD8};
  int orientation = 1;
  for (size_t at = 2; at + 4 <= file.size();) {
    if (file[at] != 0xFF) throw_unreadable(name, "a damaged JPEG", "no marker at byte " + std::to_string(at));
    const uint8_t marker = file[at + 1];
    if (marker == 0xFF) {  // fill byte
      ++at;
      continue;
    }
    if (marker == kStartOfScan) {
      if (orientation != 1) append_jpeg_orientation(out, orientation);
      append(out, file.subspan(at));
      return out;
    }
    const bool bare = marker == 0x01 || (marker >= 0xD0 && marker <= 0xD7);
    const size_t length = bare ? 2 : 2 + big_endian(file, at + 2, 2);
    if (length > file.size() - at) throw_truncated(name, "a segment that ends beyond the file");
    const auto segment = file.subspan(at, length);
    const bool exif = marker == kApp1 && segment.size() > 10 && std::memcmp(segment.data() + 4, "Exif\0", 6) == 0;
    if (exif && orientation == 1) orientation = exif_orientation(segment.subspan(4));
    if (!is_metadata(marker)) append(out, segment);
    at += length;
  }
  throw_truncated(name, "a JPEG without image data");
}

std::vector<uint8_t> png_without_metadata(std::span<const uint8_t> file, const std::string& name) {
  constexpr size_t kSignature = 8, kFrame = 12;  // length, type and CRC around each chunk's data
  if (file.size() < kSignature) throw_truncated(name, std::to_string(file.size()) + " bytes");
  std::vector<uint8_t> out(file.begin(), file.begin() + kSignature);
  for (size_t at = kSignature; at < file.size();) {
    if (file.size() - at < kFrame) throw_truncated(name, "half a chunk at the end");
    const size_t length = big_endian(file, at, 4);
    if (length > file.size() - at - kFrame) throw_truncated(name, "a chunk that ends beyond the file");
    const auto chunk = file.subspan(at, kFrame + length);
    const auto type = chunk.subspan(4, 4), data = chunk.subspan(8, length);
    if (std::memcmp(type.data(), "eXIf", 4) == 0) {
      const int orientation = exif_orientation(data);
      if (orientation != 1) append_png_chunk(out, "eXIf", orientation_block(orientation));
    }
    if (!is_metadata_chunk(type)) append(out, chunk);
    at += chunk.size();
    if (std::memcmp(type.data(), "IEND", 4) == 0) return out;
  }
  throw_truncated(name, "a PNG without its end");
}

PictureBytes picture_for_shard(std::span<const uint8_t> file, const std::string& name, int width, int height,
                               int max_side) {
  const FileFormat format = sniff_format(file);
  const bool jpeg = format == FileFormat::jpeg;
  const int longer = std::max(width, height);
  if (max_side > 0 && longer > max_side) {
    const double scale = static_cast<double>(max_side) / longer;
    const int w = std::max(1, static_cast<int>(std::lround(width * scale)));
    const int h = std::max(1, static_cast<int>(std::lround(height * scale)));
    const Image small = decode_fitted(file, name, w, h, ResampleFilter::bicubic);
    return {jpeg ? "jpg" : "png", jpeg ? encode_jpeg(small, kJpegQuality) : encode_png(small), w, h};
  }
  if (jpeg) return {"jpg", jpeg_without_metadata(file, name), width, height};
  if (format == FileFormat::png) return {"png", png_without_metadata(file, name), width, height};
  const Image image = decode_image(file, name);
  return {"png", encode_png(image), image.width, image.height};
}

}  // namespace dermis
