#include "data/image/fitted.h"

#include <algorithm>
#include <vector>

#include "data/image/format.h"
#include "data/image/jpeg.h"
#include "data/image/resample_kernels.h"
#include "data/image/resample_passes.h"

namespace dermis {
namespace {

constexpr int64_t kLine = 64;    // bytes of a cache line
constexpr int64_t kOffLine = 8;  // where rows begin in one

// Fresh pages from the kernel cost more than the resize itself, so each thread keeps its buffers.
struct Scratch {
  std::vector<uint8_t> strip;   // rows as decoded
  std::vector<uint8_t> narrow;  // all rows, resampled horizontally
  std::vector<uint8_t> fitted;
};

Scratch& scratch() {
  static thread_local Scratch buffers;
  return buffers;
}

uint8_t* room(std::vector<uint8_t>& buffer, int64_t bytes) {
  if (buffer.size() < static_cast<size_t>(bytes)) buffer.resize(static_cast<size_t>(bytes));
  return buffer.data();
}

// Mirrored or turned pictures, a missing pass and the other pass order need the whole picture first.
bool streams(const JpegReader& reader, int width, int height, ResampleFilter filter) {
  return filter != ResampleFilter::nearest && reader.orientation() == 1 && width != reader.width() &&
         height != reader.height() && !vertical_goes_first(reader.width(), reader.height(), width, height);
}

void fit_rows(JpegReader& reader, int width, int height, ResampleFilter filter, uint8_t* out) {
  const int in_width = reader.width();
  const int in_height = reader.height();
  const FilterTaps columns = make_taps(in_width, 0, static_cast<float>(in_width), width, filter);
  const FilterTaps rows = make_taps(in_height, 0, static_cast<float>(in_height), height, filter);
  const int64_t in_stride = (int64_t{3} * in_width + kLine - 1) / kLine * kLine;
  const int64_t out_stride = int64_t{3} * width;
  const int64_t blocks = (in_height + kRowsAtOnce - 1) / kRowsAtOnce;
  uint8_t* strip = room(scratch().strip, kRowsAtOnce * in_stride + kRowSlack + kLine + kOffLine);
  // libjpeg-turbo writes rows that begin at a multiple of 32 bytes past the caches, to memory, from where the resize
  // would fetch them again. That takes as long as the resize, and meets every second thread by the luck of its
  // addresses.
  strip += kOffLine - static_cast<int64_t>(reinterpret_cast<uintptr_t>(strip) % kLine) + kLine;
  uint8_t* narrow = room(scratch().narrow, blocks * kRowsAtOnce * out_stride);
  for (int y = 0; y < in_height; y += kRowsAtOnce) {
    reader.read_rows(strip, in_stride, std::min(kRowsAtOnce, in_height - y));
    resample_kernels().horizontal(strip, in_stride, columns, narrow + y * out_stride, out_stride);
  }
  vertical_pass(narrow, out_stride, rows, out, static_cast<int>(out_stride));
}

}  // namespace

Image decode_fitted(std::span<const uint8_t> bytes, const std::string& name, int width, int height,
                    ResampleFilter filter) {
  if (sniff_format(bytes) == FileFormat::jpeg) {
    JpegReader reader(bytes, name);
    if (streams(reader, width, height, filter)) {
      Image out;
      out.width = width;
      out.height = height;
      out.rgb.resize(size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height));
      fit_rows(reader, width, height, filter, out.rgb.data());
      return out;
    }
  }
  return resize(decode_image(bytes, name), width, height, filter);
}

void decode_to_planes(std::span<const uint8_t> bytes, const std::string& name, const ImageFormat& format,
                      uint8_t* planes) {
  if (sniff_format(bytes) == FileFormat::jpeg) {
    JpegReader reader(bytes, name);
    if (streams(reader, format.size, format.size, format.filter)) {
      const int64_t area = int64_t{format.size} * format.size;
      uint8_t* fitted = room(scratch().fitted, 3 * area);
      fit_rows(reader, format.size, format.size, format.filter, fitted);
      resample_kernels().split(fitted, area, planes, planes + area, planes + 2 * area);
      return;
    }
  }
  to_planes(decode_image(bytes, name), format, planes);
}

void normalise(std::span<const uint8_t> planes, const ImageFormat& format, std::span<float> out) {
  const size_t area = planes.size() / 3;
  constexpr float kRescale = 1.0F / 255.0F;
  for (size_t c = 0; c < 3; ++c) {
    for (size_t i = c * area; i < (c + 1) * area; ++i) {
      out[i] = (static_cast<float>(planes[i]) * kRescale - format.mean[c]) / format.std[c];
    }
  }
}

}  // namespace dermis
