#include <algorithm>
#include <cstring>
#include <string>

#include "core/error.h"
#include "data/image/image.h"
#include "data/image/resample_kernels.h"
#include "data/image/resample_passes.h"

namespace dermis {
namespace {

struct FloatBox {  // Pillow keeps boxes in single precision
  float x0, y0, x1, y1;
};

FloatBox checked_box(const Image& image, int width, int height, const Box* box) {
  const auto text = [](double value) { return std::to_string(value); };
  if (width < 1 || height < 1) {
    throw Error(ErrorKind::data, {.what = "a picture cannot be resized to nothing",
                                  .expected = "width and height of at least 1",
                                  .found = std::to_string(width) + " x " + std::to_string(height)});
  }
  if (box == nullptr) return {0, 0, static_cast<float>(image.width), static_cast<float>(image.height)};
  const bool inside = box->x0 >= 0 && box->y0 >= 0 && box->x1 <= image.width && box->y1 <= image.height;
  if (!inside || !(box->x1 > box->x0) || !(box->y1 > box->y0)) {
    throw Error(ErrorKind::data,
                {.what = "crop box does not lie in the picture",
                 .expected = "0 <= x0 < x1 <= " + std::to_string(image.width) +
                             ", 0 <= y0 < y1 <= " + std::to_string(image.height),
                 .found = text(box->x0) + ", " + text(box->y0) + ", " + text(box->x1) + ", " + text(box->y1)});
  }
  return {static_cast<float>(box->x0), static_cast<float>(box->y0), static_cast<float>(box->x1),
          static_cast<float>(box->y1)};
}

Image empty_image(int width, int height) {
  Image image;
  image.width = width;
  image.height = height;
  image.rgb.resize(size_t{3} * static_cast<size_t>(width) * static_cast<size_t>(height));
  return image;
}

// The source position of each output; positions are summed up step by step, as Pillow does, not multiplied.
std::vector<int> nearest_positions(float from, float to, int outputs, int source_size) {
  const double step = static_cast<double>(to - from) / outputs;
  double position = from + step * 0.5;
  std::vector<int> result(static_cast<size_t>(outputs));
  for (int& entry : result) {
    entry = std::min(static_cast<int>(position), source_size - 1);
    position += step;
  }
  return result;
}

Image resize_nearest(const Image& image, int width, int height, const FloatBox& box) {
  Image out = empty_image(width, height);
  const std::vector<int> columns = nearest_positions(box.x0, box.x1, width, image.width);
  const std::vector<int> rows = nearest_positions(box.y0, box.y1, height, image.height);
  uint8_t* target = out.rgb.data();
  for (const int y : rows) {
    const uint8_t* row = image.rgb.data() + int64_t{3} * y * image.width;
    for (const int x : columns) {
      std::memcpy(target, row + int64_t{3} * x, 3);
      target += 3;
    }
  }
  return out;
}

// Source row `base` becomes row 0.
void shift_rows(FilterTaps& taps, int base) {
  for (int32_t& first : taps.first) first -= base;
}

}  // namespace

Image resize(const Image& image, int width, int height, ResampleFilter filter, const Box* box) {
  const FloatBox b = checked_box(image, width, height, box);
  const bool whole_width = b.x0 == 0 && b.x1 == static_cast<float>(image.width) && width == image.width;
  const bool whole_height = b.y0 == 0 && b.y1 == static_cast<float>(image.height) && height == image.height;
  if (whole_width && whole_height) return image;
  if (filter == ResampleFilter::nearest) return resize_nearest(image, width, height, b);
  Image out = empty_image(width, height);
  const int64_t in_stride = int64_t{3} * image.width;
  const int64_t out_stride = int64_t{3} * width;
  if (whole_height) {
    const FilterTaps columns = make_taps(image.width, b.x0, b.x1, width, filter);
    horizontal_pass(image.rgb.data(), image.width, height, columns, out.rgb.data(), out_stride);
    return out;
  }
  FilterTaps rows = make_taps(image.height, b.y0, b.y1, height, filter);
  if (whole_width) {
    vertical_pass(image.rgb.data(), in_stride, rows, out.rgb.data(), static_cast<int>(in_stride));
    return out;
  }
  const FilterTaps columns = make_taps(image.width, b.x0, b.x1, width, filter);
  if (vertical_goes_first(image.width, image.height, width, height)) {
    std::vector<uint8_t> tall(static_cast<size_t>(in_stride) * static_cast<size_t>(height));
    vertical_pass(image.rgb.data(), in_stride, rows, tall.data(), static_cast<int>(in_stride));
    horizontal_pass(tall.data(), image.width, height, columns, out.rgb.data(), out_stride);
    return out;
  }
  const int base = rows.source_begin();
  const int needed = rows.source_end() - base;
  shift_rows(rows, base);
  std::vector<uint8_t> narrow(static_cast<size_t>(out_stride) * static_cast<size_t>(needed));
  horizontal_pass(image.rgb.data() + base * in_stride, image.width, needed, columns, narrow.data(), out_stride);
  vertical_pass(narrow.data(), out_stride, rows, out.rgb.data(), static_cast<int>(out_stride));
  return out;
}

void to_planes(const Image& image, const ImageFormat& format, uint8_t* planes, const Box* box) {
  const int64_t area = int64_t{format.size} * format.size;
  const bool fits = image.width == format.size && image.height == format.size && box == nullptr;
  const Image resized = fits ? Image{} : resize(image, format.size, format.size, format.filter, box);
  const Image& pixels = fits ? image : resized;
  resample_kernels().split(pixels.rgb.data(), area, planes, planes + area, planes + 2 * area);
}

}  // namespace dermis
