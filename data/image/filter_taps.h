// The weights of one axis of a resize, in the fixed point of Pillow's 8-bit path (libImaging/Resample.c): computed in
// double precision, normalised to sum 1, then rounded half away from zero to 22 fractional bits.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/contract.h"

namespace dermis {

inline constexpr int kWeightBits = 22;  // 32 - 8 - 2: sums of 8-bit values with signed weights fit 32 bits

// Output i is the sum over t < count[i] of source[first[i] + t] * weight(i, t). A weight is stored as two 16-bit
// halves, weight = high * 65536 + low, so that 16-bit multiply-adds compute the exact 32-bit sum. Rows are zero-padded
// to a multiple of four taps. The same weights as three signed bytes, weight = digits[0] + digits[1] * 256 +
// digits[2] * 65536, serve instructions that multiply bytes.
struct FilterTaps {
  static constexpr int kDigits = 3;
  std::vector<int32_t> first;
  std::vector<int32_t> count;
  std::vector<int16_t> low;  // [outputs, stride]
  std::vector<int16_t> high;
  std::array<std::vector<int8_t>, kDigits> digits;  // [outputs, stride] each
  int stride = 0;

  int outputs() const { return static_cast<int>(first.size()); }
  int source_begin() const { return first.front(); }
  int source_end() const { return first.back() + count.back(); }
};

// Source positions [from, to) of `source_size` samples spread over `outputs`. `filter` is not nearest.
FilterTaps make_taps(int source_size, float from, float to, int outputs, ResampleFilter filter);

}  // namespace dermis
