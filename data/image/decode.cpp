#include "core/io/mmap_file.h"
#include "data/image/exif.h"
#include "data/image/format.h"
#include "data/image/image.h"
#include "data/image/jpeg.h"
#include "data/image/still_formats.h"

namespace dermis {
namespace {

std::span<const uint8_t> byte_view(const MmapFile& file) {
  return {reinterpret_cast<const uint8_t*>(file.bytes().data()), file.bytes().size()};
}

StoredImage decode_stored(std::span<const uint8_t> bytes, const std::string& name) {
  if (bytes.empty()) throw_unreadable(name, "picture file is empty", "0 bytes");
  switch (sniff_format(bytes)) {
    case FileFormat::png: return decode_png(bytes, name);
    case FileFormat::webp: return decode_webp(bytes, name);
    case FileFormat::tiff: return decode_tiff(bytes, name);
    case FileFormat::bmp: return decode_bmp(bytes, name);
    case FileFormat::jpeg: break;
    case FileFormat::unknown: throw_unreadable(name, "picture format is not read", describe_unknown(bytes));
  }
  JpegReader reader(bytes, name);
  StoredImage stored;
  stored.orientation = reader.orientation();
  stored.image.width = reader.width();
  stored.image.height = reader.height();
  stored.image.rgb.resize(size_t{3} * static_cast<size_t>(reader.width()) * static_cast<size_t>(reader.height()));
  reader.read_rows(stored.image.rgb.data(), int64_t{3} * reader.width(), reader.height());
  return stored;
}

}  // namespace

Image decode_image(std::span<const uint8_t> bytes, const std::string& name) {
  StoredImage stored = decode_stored(bytes, name);
  return apply_orientation(std::move(stored.image), stored.orientation);
}

Image read_image(const std::string& path) {
  const MmapFile file(path);
  return decode_image(byte_view(file), path);
}

}  // namespace dermis
