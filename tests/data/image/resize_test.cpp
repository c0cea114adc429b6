#include "data/image/image.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/error.h"
#include "data/image/encode.h"
#include "data/image/filter_taps.h"
#include "data/image/fitted.h"
#include "data/image/resample_kernels.h"
#include "tests/data/image/samples.h"

namespace dermis {
namespace {

using testing::noise_image;
using testing::smooth_image;
using testing::with_orientation;

constexpr ResampleFilter kFilters[] = {ResampleFilter::nearest, ResampleFilter::lanczos, ResampleFilter::bilinear,
                                       ResampleFilter::bicubic, ResampleFilter::box,     ResampleFilter::hamming};

Image crop(const Image& image, int x0, int y0, int x1, int y1) {
  Image out;
  out.width = x1 - x0;
  out.height = y1 - y0;
  for (int y = y0; y < y1; ++y) {
    const uint8_t* row = testing::pixel_at(image, x0, y);
    out.rgb.insert(out.rgb.end(), row, row + 3 * out.width);
  }
  return out;
}

TEST(Resize, ConstantStaysConstant) {
  Image image = noise_image(83, 59);
  for (size_t i = 0; i < image.rgb.size(); ++i)
    image.rgb[i] = static_cast<uint8_t>(i % 3 == 0 ? 255 : i % 3 == 1 ? 131 : 0);
  for (const ResampleFilter filter : kFilters) {
    for (const auto& [w, h] : {std::pair{224, 224}, {7, 100}, {1, 1}, {200, 3}}) {
      const Image out = resize(image, w, h, filter);
      for (size_t i = 0; i < out.rgb.size(); ++i) ASSERT_EQ(out.rgb[i], image.rgb[i % 3]) << static_cast<int>(filter);
    }
  }
}

TEST(Resize, SameSizeIsTheSamePicture) {
  const Image image = noise_image(23, 31);
  for (const ResampleFilter filter : kFilters) EXPECT_EQ(resize(image, 23, 31, filter).rgb, image.rgb);
}

// Away from the box's edge the taps of the whole picture are those of the crop, and with a box that no tap leaves the
// two are equal everywhere: nearest and box filters at whole factors.
TEST(Resize, BoxEqualsCropWhereNoTapLeavesTheBox) {
  const Image image = noise_image(64, 48);
  const Box box{8, 12, 40, 36};
  const Image cropped = crop(image, 8, 12, 40, 36);
  for (const ResampleFilter filter : {ResampleFilter::nearest, ResampleFilter::box}) {
    EXPECT_EQ(resize(image, 16, 12, filter, &box).rgb, resize(cropped, 16, 12, filter).rgb);
  }
}

TEST(Resize, BoxFilterAtHalfSizeIsTheRoundedMeanOfFour) {
  const Image image = noise_image(10, 2);
  const Image out = resize(image, 5, 2, ResampleFilter::box);
  for (int y = 0; y < 2; ++y) {
    for (int x = 0; x < 5; ++x) {
      for (int c = 0; c < 3; ++c) {
        const int sum = testing::pixel_at(image, 2 * x, y)[c] + testing::pixel_at(image, 2 * x + 1, y)[c];
        EXPECT_EQ(testing::pixel_at(out, x, y)[c], (sum + 1) / 2);
      }
    }
  }
}

// The fixed-point result stays within one level a pass of the real-valued filter.
TEST(Resize, CloseToTheRealValuedFilter) {
  const Image image = noise_image(57, 1);
  const int width = 23;
  const Image out = resize(image, width, 1, ResampleFilter::bilinear);
  const double scale = 57.0 / width;
  for (int x = 0; x < width; ++x) {
    double total = 0;
    double sum = 0;
    for (int i = 0; i < 57; ++i) {
      const double weight = std::max(0.0, 1 - std::abs(i + 0.5 - (x + 0.5) * scale) / scale);
      total += weight;
      sum += weight * testing::pixel_at(image, i, 0)[1];
    }
    EXPECT_NEAR(testing::pixel_at(out, x, 0)[1], sum / total, 0.51) << x;
  }
}

TEST(Resize, WeightsSumToOne) {
  for (const ResampleFilter filter : {ResampleFilter::bicubic, ResampleFilter::lanczos, ResampleFilter::hamming}) {
    const FilterTaps taps = make_taps(300, 0, 300, 41, filter);
    for (int i = 0; i < taps.outputs(); ++i) {
      int64_t sum = 0;
      for (int t = 0; t < taps.stride; ++t) {
        const auto at = static_cast<size_t>(i * taps.stride + t);
        const int64_t weight = int64_t{taps.high[at]} * 65536 + taps.low[at];
        EXPECT_EQ(taps.digits[0][at] + taps.digits[1][at] * 256 + taps.digits[2][at] * 65536, weight);
        sum += weight;
      }
      EXPECT_NEAR(static_cast<double>(sum) / (1 << kWeightBits), 1, 1e-5);
    }
  }
}

#if defined(__x86_64__)
TEST(ResampleKernels, AllInstructionSetsGiveTheSameBytes) {
  std::vector<const ResampleKernels*> sets;
  if (__builtin_cpu_supports("avx2")) sets.push_back(&avx2_resample_kernels());
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    sets.push_back(&avx512_resample_kernels());
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vnni"))
    sets.push_back(&avx512vnni_resample_kernels());
  if (sets.empty()) GTEST_SKIP() << "skipped: this processor has neither AVX2 nor AVX-512";
  for (const auto& [width, outputs] : {std::pair{3, 17}, {100, 7}, {61, 224}, {1, 5}, {700, 13}}) {
    const FilterTaps taps = make_taps(width, 0, static_cast<float>(width), outputs, ResampleFilter::lanczos);
    const Image image = noise_image(width + 11, width + kRowsAtOnce);
    const int64_t stride = int64_t{3} * (width + 11);
    const auto bytes = static_cast<int>(stride);
    std::vector<uint8_t> expected(static_cast<size_t>(12 * outputs));
    std::vector<uint8_t> expected_row(static_cast<size_t>(bytes));
    const ResampleKernels& portable = portable_resample_kernels();
    portable.horizontal(image.rgb.data(), stride, taps, expected.data(), int64_t{3} * outputs);
    for (const ResampleKernels* kernels : sets) {
      std::vector<uint8_t> found(expected.size());
      kernels->horizontal(image.rgb.data(), stride, taps, found.data(), int64_t{3} * outputs);
      EXPECT_EQ(found, expected) << width << " -> " << outputs;
      for (const int index : {0, outputs / 2, outputs - 1}) {
        std::vector<uint8_t> row(expected_row.size());
        portable.vertical(image.rgb.data(), stride, taps, index, expected_row.data(), bytes);
        kernels->vertical(image.rgb.data(), stride, taps, index, row.data(), bytes);
        EXPECT_EQ(row, expected_row) << width << " -> " << outputs << " at " << index;
      }
    }
  }
}
#endif

TEST(DecodeFitted, EqualsDecodeThenResize) {
  for (const auto& [w, h] : {std::pair{301, 203}, {64, 64}, {97, 610}, {5, 9}, {224, 100}}) {
    const std::vector<uint8_t> jpeg = encode_jpeg(smooth_image(w, h), 88);
    for (const ResampleFilter filter : kFilters) {
      EXPECT_EQ(decode_fitted(jpeg, "x.jpg", 64, 56, filter).rgb,
                resize(decode_image(jpeg, "x.jpg"), 64, 56, filter).rgb)
          << w << "x" << h << " filter " << static_cast<int>(filter);
    }
    const auto turned = with_orientation(jpeg, 6, true);
    EXPECT_EQ(decode_fitted(turned, "x.jpg", 64, 56, ResampleFilter::bicubic).rgb,
              resize(decode_image(turned, "x.jpg"), 64, 56, ResampleFilter::bicubic).rgb);
  }
}

TEST(DecodeFitted, TruncatedJpegIsAnError) {
  std::vector<uint8_t> jpeg = encode_jpeg(smooth_image(200, 200), 88);
  jpeg.resize(jpeg.size() / 2);
  EXPECT_THROW(decode_fitted(jpeg, "x.jpg", 56, 56, ResampleFilter::bicubic), Error);
}

TEST(ToPlanes, StretchesAndSeparatesColours) {
  const Image image = noise_image(40, 30);
  ImageFormat format;
  format.size = 16;
  std::vector<uint8_t> planes(3 * 16 * 16);
  to_planes(image, format, planes.data());
  const Image stretched = resize(image, 16, 16, format.filter);
  for (size_t i = 0; i < 256; ++i) {
    for (size_t c = 0; c < 3; ++c) ASSERT_EQ(planes[c * 256 + i], stretched.rgb[3 * i + c]);
  }
}

TEST(Resize, RefusesBoxesOutsideThePicture) {
  const Image image = noise_image(10, 10);
  for (const Box box : {Box{-1, 0, 5, 5}, Box{0, 0, 11, 5}, Box{5, 5, 5, 8}, Box{0, 7, 5, 3}, Box{0, 0, NAN, 5}}) {
    EXPECT_THROW(resize(image, 4, 4, ResampleFilter::bicubic, &box), Error);
  }
  EXPECT_THROW(resize(image, 0, 4, ResampleFilter::bicubic), Error);
}

}  // namespace
}  // namespace dermis
