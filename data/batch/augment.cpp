#include "data/batch/augment.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/random.h"

namespace dermis {
namespace {

constexpr double kAspectLow = 3.0 / 4, kAspectHigh = 4.0 / 3;
constexpr int kCropAttempts = 10;
constexpr std::array<float, 3> kLuma{0.299F, 0.587F, 0.114F};  // ITU-R BT.601, as Pillow's "L"

void draw_crop(Random& random, double min_area, int width, int height, Augmentation& augmentation) {
  for (int attempt = 0; attempt < kCropAttempts; ++attempt) {
    const double area = random.uniform(min_area, 1.0) * width * height;
    const double aspect = std::exp(random.uniform(std::log(kAspectLow), std::log(kAspectHigh)));
    const double w = std::sqrt(area * aspect) / width, h = std::sqrt(area / aspect) / height;
    if (w > 1 || h > 1) continue;
    const double x = random.uniform(0, 1 - w), y = random.uniform(0, 1 - h);
    augmentation.crop = {x, y, x + w, y + h};
    augmentation.cropped = true;
    return;
  }
}

// out = matrix * rgb + offset: brightness, then contrast about the mean grey, then saturation about each pixel's grey.
struct ColourMap {
  std::array<std::array<float, 3>, 3> matrix;
  float offset;
};

ColourMap colour_map(const Augmentation& augmentation, double mean_grey) {
  const double gain = augmentation.brightness * augmentation.contrast;
  const double offset = (1 - augmentation.contrast) * augmentation.brightness * mean_grey;
  ColourMap map{};
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) {
      const double own = i == j ? augmentation.saturation : 0;
      map.matrix[i][j] = static_cast<float>(gain * (own + (1 - augmentation.saturation) * kLuma[j]));
    }
  }
  map.offset = static_cast<float>(offset);  // grey, so saturation leaves it as it is
  return map;
}

uint8_t to_byte(float value) { return static_cast<uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F)); }

void recolour(uint8_t* planes, size_t pixels, const Augmentation& augmentation) {
  std::array<uint64_t, 3> sums{};
  for (size_t channel = 0; channel < 3; ++channel) {
    uint64_t sum = 0;
    for (size_t i = 0; i < pixels; ++i) sum += planes[channel * pixels + i];
    sums[channel] = sum;
  }
  double grey = 0;
  for (size_t channel = 0; channel < 3; ++channel) grey += kLuma[channel] * static_cast<double>(sums[channel]);
  const ColourMap map = colour_map(augmentation, grey / static_cast<double>(pixels));
  uint8_t *red = planes, *green = planes + pixels, *blue = planes + 2 * pixels;
  const auto& m = map.matrix;
  for (size_t i = 0; i < pixels; ++i) {
    const float r = red[i], g = green[i], b = blue[i];
    red[i] = to_byte(m[0][0] * r + m[0][1] * g + m[0][2] * b + map.offset);
    green[i] = to_byte(m[1][0] * r + m[1][1] * g + m[1][2] * b + map.offset);
    blue[i] = to_byte(m[2][0] * r + m[2][1] * g + m[2][2] * b + map.offset);
  }
}

// Interleaved square picture to planes, turned on the way.
void lay_out(const Image& image, const Augmentation& augmentation, uint8_t* planes) {
  const int size = image.width;
  const size_t pixels = static_cast<size_t>(size) * static_cast<size_t>(size);
  for (int y = 0; y < size; ++y) {
    for (int x = 0; x < size; ++x) {
      int from_x = augmentation.transpose ? y : x, from_y = augmentation.transpose ? x : y;
      if (augmentation.flip_x) from_x = size - 1 - from_x;
      if (augmentation.flip_y) from_y = size - 1 - from_y;
      const uint8_t* pixel = image.rgb.data() + 3 * (static_cast<size_t>(from_y) * static_cast<size_t>(size) +
                                                     static_cast<size_t>(from_x));
      uint8_t* out = planes + static_cast<size_t>(y) * static_cast<size_t>(size) + static_cast<size_t>(x);
      out[0] = pixel[0];
      out[pixels] = pixel[1];
      out[2 * pixels] = pixel[2];
    }
  }
}

}  // namespace

Augmentation draw_augmentation(const AugmentOptions& options, uint64_t seed, int64_t epoch, int64_t sample, int width,
                               int height) {
  Augmentation augmentation;
  Random random(seed, RandomPurpose::augmentation, static_cast<uint64_t>(epoch), static_cast<uint64_t>(sample));
  // Everything is drawn in this order, so that switching one option on leaves the turns of the others as they were.
  const uint32_t turns = random.bits();
  const double shifts[3] = {random.uniform(-1, 1), random.uniform(-1, 1), random.uniform(-1, 1)};
  if (options.flips) {
    augmentation.flip_x = turns & 1;
    augmentation.flip_y = turns & 2;
  }
  if (options.quarter_turns) {
    // A quarter turn is a transposition and one flip; two make a half turn: both flips.
    const uint32_t quarters = turns >> 2 & 3;
    augmentation.transpose = quarters & 1;
    augmentation.flip_x ^= quarters == 1 || quarters == 2;
    augmentation.flip_y ^= quarters == 2 || quarters == 3;
  }
  augmentation.brightness = 1 + options.colour * shifts[0];
  augmentation.contrast = 1 + options.colour * shifts[1];
  augmentation.saturation = 1 + options.colour * shifts[2];
  if (options.crop_min_area < 1) draw_crop(random, options.crop_min_area, width, height, augmentation);
  return augmentation;
}

std::vector<int32_t> draw_patches(const AugmentOptions& options, uint64_t seed, int64_t epoch, int64_t sample,
                                  int32_t patches) {
  const auto kept = std::max<int32_t>(1, static_cast<int32_t>(std::lround(options.keep_patches * patches)));
  if (kept >= patches) return {};
  Random random(seed, RandomPurpose::patches, static_cast<uint64_t>(epoch), static_cast<uint64_t>(sample));
  std::vector<int32_t> order(static_cast<size_t>(patches));
  std::iota(order.begin(), order.end(), 0);
  for (size_t i = 0; i < static_cast<size_t>(kept); ++i) std::swap(order[i], order[i + random.below(order.size() - i)]);
  order.resize(static_cast<size_t>(kept));
  std::sort(order.begin(), order.end());
  return order;
}

void augment_to_planes(const Image& image, const Augmentation& augmentation, const ImageFormat& format,
                       uint8_t* planes) {
  const bool fits = image.width == format.size && image.height == format.size;
  const auto& crop = augmentation.crop;
  const Box box{crop.x0 * image.width, crop.y0 * image.height, crop.x1 * image.width, crop.y1 * image.height};
  if (fits && !augmentation.cropped) {
    lay_out(image, augmentation, planes);
  } else {
    lay_out(resize(image, format.size, format.size, format.filter, augmentation.cropped ? &box : nullptr), augmentation,
            planes);
  }
  if (augmentation.recolours()) {
    recolour(planes, static_cast<size_t>(format.size) * static_cast<size_t>(format.size), augmentation);
  }
}

}  // namespace dermis
