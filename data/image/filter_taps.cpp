#include "data/image/filter_taps.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"

namespace dermis {
namespace {

double box_filter(double x) { return x > -0.5 && x <= 0.5 ? 1.0 : 0.0; }

double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

double hamming(double x) {
  x = std::abs(x);
  if (x == 0.0) return 1.0;
  if (x >= 1.0) return 0.0;
  x *= std::numbers::pi;
  return std::sin(x) / x * (0.54 + 0.46 * std::cos(x));
}

double cubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((kA + 2.0) * x - (kA + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * kA;
  return 0.0;
}

double sinc(double x) {
  if (x == 0.0) return 1.0;
  x *= std::numbers::pi;
  return std::sin(x) / x;
}

double lanczos(double x) { return -3.0 <= x && x < 3.0 ? sinc(x) * sinc(x / 3) : 0.0; }

struct Kernel {
  double (*value)(double);
  double support;
};

Kernel kernel_of(ResampleFilter filter) {
  switch (filter) {
    case ResampleFilter::box: return {box_filter, 0.5};
    case ResampleFilter::bilinear: return {triangle, 1.0};
    case ResampleFilter::hamming: return {hamming, 1.0};
    case ResampleFilter::bicubic: return {cubic, 2.0};
    case ResampleFilter::lanczos: return {lanczos, 3.0};
    case ResampleFilter::nearest: break;
  }
  DERMIS_CHECK(false, "nearest has no weights");
  return {};
}

int32_t to_fixed_point(double weight) {
  return static_cast<int32_t>((weight < 0 ? -0.5 : 0.5) + weight * (1 << kWeightBits));
}

}  // namespace

FilterTaps make_taps(int source_size, float from, float to, int outputs, ResampleFilter filter) {
  const Kernel kernel = kernel_of(filter);
  // The box is single precision in Pillow, and so is its width; everything after is double.
  const double scale = static_cast<double>(to - from) / outputs;
  const double stretch = std::max(scale, 1.0);
  const double support = kernel.support * stretch;
  const double inverse = 1.0 / stretch;
  FilterTaps taps;
  taps.stride = (static_cast<int>(std::ceil(support)) * 2 + 1 + 3) / 4 * 4;
  taps.first.resize(static_cast<size_t>(outputs));
  taps.count.resize(taps.first.size());
  taps.low.resize(taps.first.size() * static_cast<size_t>(taps.stride));
  taps.high.resize(taps.low.size());
  for (auto& digit : taps.digits) digit.resize(taps.low.size());
  std::vector<double> weights(static_cast<size_t>(taps.stride));
  for (int i = 0; i < outputs; ++i) {
    const double centre = from + (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - support + 0.5));
    const int count = std::min(source_size, static_cast<int>(centre + support + 0.5)) - first;
    double total = 0;
    for (int t = 0; t < count; ++t)
      total += weights[static_cast<size_t>(t)] = kernel.value((t + first - centre + 0.5) * inverse);
    taps.first[static_cast<size_t>(i)] = first;
    taps.count[static_cast<size_t>(i)] = count;
    for (int t = 0; t < count; ++t) {
      const double weight = weights[static_cast<size_t>(t)];
      const int32_t fixed = to_fixed_point(total != 0.0 ? weight / total : weight);
      const size_t at = static_cast<size_t>(i) * static_cast<size_t>(taps.stride) + static_cast<size_t>(t);
      taps.low[at] = static_cast<int16_t>(fixed & 0xFFFF);
      taps.high[at] = static_cast<int16_t>((fixed - taps.low[at]) >> 16);
      int32_t rest = fixed;
      for (auto& digit : taps.digits) {
        digit[at] = static_cast<int8_t>(rest & 0xFF);
        rest = (rest - digit[at]) >> 8;
      }
      // A sample is at most half a step from its output, so the largest weight is not much above 1.
      DERMIS_CHECK(rest == 0, "weights below 2");
    }
  }
  return taps;
}

}  // namespace dermis
