#include "data/image/encode.h"

#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include <jpeglib.h>
#include <png.h>

#include "core/error.h"

namespace dermis {
namespace {

struct JpegErrors {
  jpeg_error_mgr base{};  // first member: the library hands back its address
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = {};
};

[[noreturn]] void stop_jpeg(j_common_ptr common) {
  auto* errors = reinterpret_cast<JpegErrors*>(common->err);
  common->err->format_message(common, errors->message);
  std::longjmp(errors->jump, 1);
}

void check_encodable(const Image& image, int largest_side) {
  const size_t expected = size_t{3} * static_cast<size_t>(image.width) * static_cast<size_t>(image.height);
  DERMIS_CHECK(image.width > 0 && image.height > 0 && image.rgb.size() == expected, "not a picture");
  if (image.width <= largest_side && image.height <= largest_side) return;
  throw Error(ErrorKind::data, {.what = "picture is too large for the file format",
                                .expected = "at most " + std::to_string(largest_side) + " pixels a side",
                                .found = std::to_string(image.width) + " x " + std::to_string(image.height),
                                .fix = "write smaller pictures"});
}

bool compress(jpeg_compress_struct& info, JpegErrors& errors, const Image& image, int quality, unsigned char** buffer,
              unsigned long* size) {
  if (setjmp(errors.jump) != 0) return false;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, buffer, size);
  info.image_width = static_cast<JDIMENSION>(image.width);
  info.image_height = static_cast<JDIMENSION>(image.height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<JSAMPLE*>(image.rgb.data() + size_t{3} * info.image_width * info.next_scanline);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

}  // namespace

std::vector<uint8_t> encode_jpeg(const Image& image, int quality) {
  check_encodable(image, JPEG_MAX_DIMENSION);
  DERMIS_CHECK(quality >= 1 && quality <= 100, "JPEG quality out of 1..100");
  jpeg_compress_struct info{};
  JpegErrors errors;
  info.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = stop_jpeg;
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  const bool done = compress(info, errors, image, quality, &buffer, &size);
  jpeg_destroy_compress(&info);
  const std::unique_ptr<unsigned char, decltype(&std::free)> owned(buffer, &std::free);
  DERMIS_CHECK(done, errors.message);
  return {buffer, buffer + size};
}

std::vector<uint8_t> encode_png(const Image& image, int compression) {
  check_encodable(image, 1'000'000);
  std::vector<uint8_t> bytes;
  std::vector<png_bytep> rows(static_cast<size_t>(image.height));
  for (size_t y = 0; y < rows.size(); ++y) {
    rows[y] = const_cast<png_bytep>(image.rgb.data() + 3 * y * static_cast<size_t>(image.width));
  }
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  if (setjmp(png_jmpbuf(png)) != 0) {
    png_destroy_write_struct(&png, &info);
    DERMIS_CHECK(false, "libpng refused a plain RGB picture");
  }
  png_set_write_fn(
      png, &bytes,
      [](png_structp p, png_bytep data, size_t count) {
        auto* out = static_cast<std::vector<uint8_t>*>(png_get_io_ptr(p));
        out->insert(out->end(), data, data + count);
      },
      [](png_structp) {});
  png_set_IHDR(png, info, static_cast<png_uint_32>(image.width), static_cast<png_uint_32>(image.height), 8,
               PNG_COLOR_TYPE_RGB, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  png_set_compression_level(png, compression);
  png_set_rows(png, info, rows.data());
  png_write_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

}  // namespace dermis
