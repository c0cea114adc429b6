#include "data/image/resample_passes.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "data/image/resample_kernels.h"

namespace dermis {

void horizontal_pass(const uint8_t* source, int width, int rows, const FilterTaps& taps, uint8_t* out,
                     int64_t out_stride) {
  const ResampleKernels& kernels = resample_kernels();
  const int64_t stride = int64_t{3} * width;
  const int64_t out_bytes = int64_t{3} * taps.outputs();
  std::vector<uint8_t> tail;
  std::vector<uint8_t> tail_out;
  for (int y = 0; y < rows; y += kRowsAtOnce) {
    // Rows of a block that ends the picture go through a buffer with room behind it; so do the last rows of an uneven
    // height.
    if ((rows - y - kRowsAtOnce) * stride >= kRowSlack) {
      kernels.horizontal(source + y * stride, stride, taps, out + y * out_stride, out_stride);
      continue;
    }
    tail.resize(static_cast<size_t>(kRowsAtOnce * stride + kRowSlack));
    tail_out.resize(static_cast<size_t>(kRowsAtOnce * out_bytes));
    const int left = std::min(kRowsAtOnce, rows - y);
    std::memcpy(tail.data(), source + y * stride, static_cast<size_t>(left * stride));
    kernels.horizontal(tail.data(), stride, taps, tail_out.data(), out_bytes);
    for (int r = 0; r < left; ++r) {
      std::memcpy(out + (y + r) * out_stride, tail_out.data() + r * out_bytes, static_cast<size_t>(out_bytes));
    }
  }
}

void vertical_pass(const uint8_t* source, int64_t stride, const FilterTaps& taps, uint8_t* out, int bytes) {
  const ResampleKernels& kernels = resample_kernels();
  for (int y = 0; y < taps.outputs(); ++y) kernels.vertical(source, stride, taps, y, out + int64_t{y} * bytes, bytes);
}

bool vertical_goes_first(int width, int height, int out_width, int out_height) {
  const int64_t shrink = int64_t{height} - out_height;
  return shrink > 0 && shrink > 2 * (int64_t{width} - out_width);
}

}  // namespace dermis
