#include "data/image/fitted.h"

#include <algorithm>
#include <vector>

#include "data/image/format.h"
#include "data/image/jpeg.h"
#include "data/image/resample_kernels.h"
#include "data/image/resample_passes.h"

namespace dermis {

Image decode_fitted(std::span<const uint8_t> bytes, const std::string& name, int width, int height,
                    ResampleFilter filter) {
  if (sniff_format(bytes) != FileFormat::jpeg || filter == ResampleFilter::nearest) {
    return resize(decode_image(bytes, name), width, height, filter);
  }
  JpegReader reader(bytes, name);
  const int in_width = reader.width();
  const int in_height = reader.height();
  // Mirrored or turned pictures and the other pass order need the whole picture first.
  if (reader.orientation() != 1 || width == in_width || height == in_height ||
      vertical_goes_first(in_width, in_height, width, height)) {
    return resize(decode_image(bytes, name), width, height, filter);
  }
  const FilterTaps columns = make_taps(in_width, 0, static_cast<float>(in_width), width, filter);
  const FilterTaps rows = make_taps(in_height, 0, static_cast<float>(in_height), height, filter);
  const int64_t in_stride = int64_t{3} * in_width;
  const int64_t out_stride = int64_t{3} * width;
  const int rounded_height = (in_height + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce;
  std::vector<uint8_t> strip(static_cast<size_t>(kRowsAtOnce * in_stride + kRowSlack));
  std::vector<uint8_t> narrow(static_cast<size_t>(out_stride) * static_cast<size_t>(rounded_height));
  for (int y = 0; y < in_height; y += kRowsAtOnce) {
    reader.read_rows(strip.data(), std::min(kRowsAtOnce, in_height - y));
    resample_kernels().horizontal(strip.data(), in_stride, columns, narrow.data() + y * out_stride, out_stride);
  }
  Image out;
  out.width = width;
  out.height = height;
  out.rgb.resize(static_cast<size_t>(out_stride) * static_cast<size_t>(height));
  vertical_pass(narrow.data(), out_stride, rows, out.rgb.data(), static_cast<int>(out_stride));
  return out;
}

void decode_to_planes(std::span<const uint8_t> bytes, const std::string& name, const ImageFormat& format,
                      uint8_t* planes) {
  to_planes(decode_fitted(bytes, name, format.size, format.size, format.filter), format, planes);
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
