#include <algorithm>
#include <cstdarg>
#include <cstring>
#include <memory>
#include <vector>

#include <tiffio.h>

#include "core/error.h"
#include "data/image/format.h"
#include "data/image/still_formats.h"

namespace dermis {
namespace {

struct Source {
  std::span<const uint8_t> bytes;
  uint64_t at = 0;
};

tmsize_t read_bytes(thandle_t handle, void* out, tmsize_t count) {
  auto& source = *static_cast<Source*>(handle);
  const uint64_t left = source.at < source.bytes.size() ? source.bytes.size() - source.at : 0;
  const uint64_t taken = std::min<uint64_t>(static_cast<uint64_t>(count), left);
  std::memcpy(out, source.bytes.data() + source.at, taken);
  source.at += taken;
  return static_cast<tmsize_t>(taken);
}
tmsize_t write_nothing(thandle_t, void*, tmsize_t) { return 0; }
toff_t seek(thandle_t handle, toff_t offset, int whence) {
  auto& source = *static_cast<Source*>(handle);
  source.at = whence == SEEK_SET ? offset : whence == SEEK_CUR ? source.at + offset : source.bytes.size() + offset;
  return source.at;
}
int close_nothing(thandle_t) { return 0; }
toff_t size_of(thandle_t handle) { return static_cast<Source*>(handle)->bytes.size(); }
// Read where it lies: without a mapping libtiff 4.5 refuses uncompressed tiles whose bytes are no multiple of 1024. It
// writes to nothing that it was given mapped.
int map_bytes(thandle_t handle, void** out, toff_t* size) {
  auto& source = *static_cast<Source*>(handle);
  *out = const_cast<uint8_t*>(source.bytes.data());
  *size = source.bytes.size();
  return 1;
}
void unmap_nothing(thandle_t, void*, toff_t) {}

using Handle = std::unique_ptr<TIFF, decltype(&TIFFClose)>;

struct Layout {
  uint32_t width = 0, height = 0;
  uint16_t bits = 1, samples = 1, photometric = PHOTOMETRIC_MINISBLACK, planar = PLANARCONFIG_CONTIG;
  uint16_t orientation = 1, sample_format = SAMPLEFORMAT_UINT;
  bool tiled = false;
};

Layout layout_of(TIFF* tiff, const std::string& name) {
  Layout l;
  TIFFGetField(tiff, TIFFTAG_IMAGEWIDTH, &l.width);
  TIFFGetField(tiff, TIFFTAG_IMAGELENGTH, &l.height);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_BITSPERSAMPLE, &l.bits);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLESPERPIXEL, &l.samples);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_PLANARCONFIG, &l.planar);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_ORIENTATION, &l.orientation);
  TIFFGetFieldDefaulted(tiff, TIFFTAG_SAMPLEFORMAT, &l.sample_format);
  TIFFGetField(tiff, TIFFTAG_PHOTOMETRIC, &l.photometric);
  l.tiled = TIFFIsTiled(tiff) != 0;
  check_size(l.width, l.height, name);
  return l;
}

// Value of sample `index` of a row as Pillow turns it into 8 bits: 16-bit colour keeps its high byte, 16-bit grey
// clips.
int sample_of(const uint8_t* row, size_t index, const Layout& l) {
  if (l.bits == 1) return (row[index / 8] >> (7 - index % 8) & 1) != 0 ? 255 : 0;
  if (l.bits == 8) return row[index];
  uint16_t value;
  std::memcpy(&value, row + 2 * index, 2);
  return l.samples >= 3 ? value >> 8 : std::min<int>(value, 255);
}

void read_scanlines(TIFF* tiff, const Layout& l, const std::string& name, Image& image) {
  uint16_t *red = nullptr, *green = nullptr, *blue = nullptr;
  if (l.photometric == PHOTOMETRIC_PALETTE && TIFFGetField(tiff, TIFFTAG_COLORMAP, &red, &green, &blue) == 0) {
    throw_unreadable(name, "TIFF data is damaged", "a palette picture without a palette");
  }
  std::vector<uint8_t> row(static_cast<size_t>(TIFFScanlineSize(tiff)));
  if (l.samples > 16 || row.size() < (size_t{l.width} * l.samples * l.bits + 7) / 8) {
    throw_unreadable(name, "TIFF data is damaged", std::to_string(l.samples) + " samples a pixel");
  }
  uint8_t* out = image.rgb.data();
  for (uint32_t y = 0; y < l.height; ++y) {
    if (TIFFReadScanline(tiff, row.data(), y) != 1) {
      throw_truncated(name, "row " + std::to_string(y) + " of " + std::to_string(l.height) + " cannot be read");
    }
    for (size_t x = 0; x < l.width; ++x, out += 3) {
      const size_t first = x * l.samples;
      if (l.photometric == PHOTOMETRIC_PALETTE) {
        const uint8_t entry = row[first];
        out[0] = static_cast<uint8_t>(red[entry] >> 8);
        out[1] = static_cast<uint8_t>(green[entry] >> 8);
        out[2] = static_cast<uint8_t>(blue[entry] >> 8);
        continue;
      }
      for (size_t c = 0; c < 3; ++c) {
        const int value = sample_of(row.data(), l.samples >= 3 ? first + c : first, l);
        out[c] = static_cast<uint8_t>(l.photometric == PHOTOMETRIC_MINISWHITE ? 255 - value : value);
      }
    }
  }
}

void read_converted(TIFF* tiff, const Layout& l, const std::string& name, Image& image) {
  std::vector<uint32_t> rgba(size_t{l.width} * l.height);
  // Stored order: the orientation is applied later, with that of the other formats.
  if (TIFFReadRGBAImageOriented(tiff, l.width, l.height, rgba.data(), l.orientation, 1) == 0) {
    throw_unreadable(name, "TIFF data is damaged or of a rare kind",
                     std::to_string(l.samples) + " samples of " + std::to_string(l.bits) + " bits, photometric " +
                         std::to_string(l.photometric));
  }
  for (size_t i = 0; i < rgba.size(); ++i) {
    image.rgb[3 * i] = static_cast<uint8_t>(TIFFGetR(rgba[i]));
    image.rgb[3 * i + 1] = static_cast<uint8_t>(TIFFGetG(rgba[i]));
    image.rgb[3 * i + 2] = static_cast<uint8_t>(TIFFGetB(rgba[i]));
  }
}

}  // namespace

StoredImage decode_tiff(std::span<const uint8_t> bytes, const std::string& name) {
  // libtiff's message handlers belong to the process; the library's own text would go to standard error.
  static const bool silent = [] {
    TIFFSetErrorHandler(nullptr);
    TIFFSetWarningHandler(nullptr);
    return true;
  }();
  static_cast<void>(silent);
  Source source{bytes};
  const Handle tiff(TIFFClientOpen(name.c_str(), "r", &source, read_bytes, write_nothing, seek, close_nothing, size_of,
                                   map_bytes, unmap_nothing),
                    &TIFFClose);
  if (!tiff) throw_unreadable(name, "TIFF data is damaged", "no valid first directory");
  if (TIFFLastDirectory(tiff.get()) == 0) throw_animated(name, "a TIFF of several pages");
  const Layout l = layout_of(tiff.get(), name);
  if (l.photometric == PHOTOMETRIC_CIELAB || l.photometric == PHOTOMETRIC_ICCLAB ||
      l.photometric == PHOTOMETRIC_ITULAB) {
    // libtiff and Pillow turn L*a*b* into RGB by different white points and roundings.
    throw_unreadable(name, "TIFF colour space is not read", "CIE L*a*b*");
  }
  StoredImage stored;
  stored.orientation = l.orientation >= 1 && l.orientation <= 8 ? l.orientation : 1;
  stored.image.width = static_cast<int>(l.width);
  stored.image.height = static_cast<int>(l.height);
  stored.image.rgb.resize(size_t{3} * l.width * l.height);
  const bool grey = l.photometric == PHOTOMETRIC_MINISBLACK || l.photometric == PHOTOMETRIC_MINISWHITE;
  const bool plain = !l.tiled && l.planar == PLANARCONFIG_CONTIG && l.sample_format == SAMPLEFORMAT_UINT &&
                     ((grey && (l.bits == 1 || l.bits == 8 || l.bits == 16)) ||
                      (l.photometric == PHOTOMETRIC_PALETTE && l.bits == 8 && l.samples == 1) ||
                      (l.photometric == PHOTOMETRIC_RGB && l.samples >= 3 && (l.bits == 8 || l.bits == 16)));
  if (plain) {
    read_scanlines(tiff.get(), l, name, stored.image);
  } else {
    read_converted(tiff.get(), l, name, stored.image);
  }
  return stored;
}

}  // namespace dermis
