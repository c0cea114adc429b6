#include <algorithm>

#include "data/image/resample_kernels.h"

namespace dermis {
namespace {

constexpr int32_t kHalf = 1 << (kWeightBits - 1);

uint8_t clip(int32_t sum) { return static_cast<uint8_t>(std::clamp(sum >> kWeightBits, 0, 255)); }

int32_t weight(const FilterTaps& taps, int64_t at) {
  return static_cast<int32_t>(taps.high[static_cast<size_t>(at)]) * 65536 + taps.low[static_cast<size_t>(at)];
}

void horizontal(const uint8_t* rows, int64_t row_stride, const FilterTaps& taps, uint8_t* out, int64_t out_stride) {
  for (int x = 0; x < taps.outputs(); ++x) {
    const int64_t base = static_cast<int64_t>(x) * taps.stride;
    for (int r = 0; r < kRowsAtOnce; ++r) {
      const uint8_t* pixel = rows + r * row_stride + int64_t{3} * taps.first[static_cast<size_t>(x)];
      int32_t sums[3] = {kHalf, kHalf, kHalf};
      for (int t = 0; t < taps.count[static_cast<size_t>(x)]; ++t, pixel += 3) {
        const int32_t w = weight(taps, base + t);
        for (int c = 0; c < 3; ++c) sums[c] += pixel[c] * w;
      }
      for (int c = 0; c < 3; ++c) out[r * out_stride + 3 * x + c] = clip(sums[c]);
    }
  }
}

void vertical(const uint8_t* rows, int64_t row_stride, const FilterTaps& taps, int index, uint8_t* out, int bytes) {
  const uint8_t* first = rows + taps.first[static_cast<size_t>(index)] * row_stride;
  const int64_t base = static_cast<int64_t>(index) * taps.stride;
  for (int i = 0; i < bytes; ++i) {
    int32_t sum = kHalf;
    for (int t = 0; t < taps.count[static_cast<size_t>(index)]; ++t)
      sum += first[t * row_stride + i] * weight(taps, base + t);
    out[i] = clip(sum);
  }
}

void split(const uint8_t* rgb, int64_t count, uint8_t* red, uint8_t* green, uint8_t* blue) {
  for (int64_t i = 0; i < count; ++i) {
    red[i] = rgb[3 * i];
    green[i] = rgb[3 * i + 1];
    blue[i] = rgb[3 * i + 2];
  }
}

}  // namespace

const ResampleKernels& portable_resample_kernels() {
  static constexpr ResampleKernels kKernels{horizontal, vertical, split};
  return kKernels;
}

const ResampleKernels& resample_kernels() {
#if defined(__x86_64__)
  static const ResampleKernels& best = []() -> const ResampleKernels& {
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
      return __builtin_cpu_supports("avx512vnni") ? avx512vnni_resample_kernels() : avx512_resample_kernels();
    }
    return __builtin_cpu_supports("avx2") ? avx2_resample_kernels() : portable_resample_kernels();
  }();
  return best;
#else
  return portable_resample_kernels();
#endif
}

}  // namespace dermis
