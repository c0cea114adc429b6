#include "data/image/format.h"

#include <string_view>

#include "core/error.h"

namespace dermis {
namespace {

bool holds(std::span<const uint8_t> bytes, size_t at, std::string_view text) {
  if (bytes.size() < at + text.size()) return false;
  return std::string_view(reinterpret_cast<const char*>(bytes.data()) + at, text.size()) == text;
}

}  // namespace

FileFormat sniff_format(std::span<const uint8_t> bytes) {
  if (holds(bytes, 0, "\xff\xd8\xff")) return FileFormat::jpeg;
  if (holds(bytes, 0, "\x89PNG\r\n\x1a\n")) return FileFormat::png;
  if (holds(bytes, 0, "BM")) return FileFormat::bmp;
  if (holds(bytes, 0, std::string_view("II*\0", 4)) || holds(bytes, 0, std::string_view("MM\0*", 4)) ||
      holds(bytes, 0, std::string_view("II+\0", 4)) || holds(bytes, 0, std::string_view("MM\0+", 4))) {
    return FileFormat::tiff;
  }
  if (holds(bytes, 0, "RIFF") && holds(bytes, 8, "WEBP")) return FileFormat::webp;
  return FileFormat::unknown;
}

std::string describe_unknown(std::span<const uint8_t> bytes) {
  if (holds(bytes, 0, "GIF8")) return "a GIF";
  if (holds(bytes, 4, "ftyp")) return "a HEIF, AVIF or video file";
  if (holds(bytes, 0, "%PDF")) return "a PDF";
  if (holds(bytes, 128, "DICM")) return "a DICOM file";
  if (holds(bytes, 0, "PK")) return "a ZIP archive";
  if (holds(bytes, 0, "<")) return "HTML or XML text, as a failed download leaves behind";
  return "an unknown format";
}

void check_size(int64_t width, int64_t height, const std::string& name) {
  if (width > 0 && height > 0 && width <= kMaxPixels / height) return;
  throw Error(ErrorKind::data, {.what = "picture size is out of range",
                                .where = name,
                                .expected = "1 to " + std::to_string(kMaxPixels) + " pixels",
                                .found = std::to_string(width) + " x " + std::to_string(height) + " pixels",
                                .fix = "reduce the picture, or remove it from the data set"});
}

void throw_unreadable(const std::string& name, const std::string& what, const std::string& found) {
  throw Error(ErrorKind::data, {.what = what,
                                .where = name,
                                .expected = "a still JPEG, PNG, BMP, TIFF or WebP picture",
                                .found = found,
                                .fix = "fetch the file again, or remove it from the data set"});
}

void throw_truncated(const std::string& name, const std::string& found) {
  throw Error(ErrorKind::data, {.what = "picture file is cut off",
                                .where = name,
                                .expected = "a complete file",
                                .found = found,
                                .fix = "fetch the file again, or remove it from the data set"});
}

void throw_animated(const std::string& name, const std::string& found) {
  throw Error(ErrorKind::data, {.what = "file holds more than one picture",
                                .where = name,
                                .expected = "one still picture a file",
                                .found = found,
                                .fix = "save the wanted picture as a file of its own"});
}

}  // namespace dermis
