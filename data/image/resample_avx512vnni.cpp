#if defined(__x86_64__)
// Sums of four byte products an instruction (AVX-512 VNNI): weights as three signed bytes each, of which every one has
// its own sums of 32 bits; first + (second << 8) + (third << 16) is exact modulo 2^32, and the true sum fits 32 bits.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored \
    "-Wuninitialized"  // g++ 12 means its own header's _mm512_undefined_epi32 (its bug 105593)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <array>
#include <cstdint>
#include <cstring>

#include "data/image/resample_kernels.h"

namespace dermis {
namespace {

constexpr int kDigits = FilterTaps::kDigits;

// The bytes of four taps, one digit of their weights.
__m512i four_taps(const FilterTaps& taps, int digit, int64_t at) {
  int32_t bytes;
  std::memcpy(&bytes, taps.digits[static_cast<size_t>(digit)].data() + at, sizeof(bytes));
  return _mm512_set1_epi32(bytes);
}

struct DigitSums {
  __m512i digit[kDigits] = {_mm512_set1_epi32(1 << (kWeightBits - 1)), _mm512_setzero_si512(), _mm512_setzero_si512()};

  void add(__m512i samples, const __m512i (&weights)[kDigits]) {
    for (int d = 0; d < kDigits; ++d) digit[d] = _mm512_dpbusd_epi32(digit[d], samples, weights[d]);
  }
  // Rounded to whole numbers, not yet clipped to bytes.
  __m512i rounded() const {
    const __m512i upper = _mm512_add_epi32(_mm512_slli_epi32(digit[1], 8), _mm512_slli_epi32(digit[2], 16));
    return _mm512_srai_epi32(_mm512_add_epi32(digit[0], upper), kWeightBits);
  }
};

// Four RGB pixels of each of four rows as R0-3 G0-3 B0-3 0, a row in each quarter.
__m512i four_pixels_of_four_rows(const uint8_t* rgb, int64_t row_stride) {
  const auto row = [&](int r) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(rgb + r * row_stride)); };
  const __m256i rows01 = _mm256_inserti128_si256(_mm256_castsi128_si256(row(0)), row(1), 1);
  const __m256i rows23 = _mm256_inserti128_si256(_mm256_castsi128_si256(row(2)), row(3), 1);
  const __m512i order = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11, -1, -1, -1, -1));
  return _mm512_shuffle_epi8(_mm512_inserti64x4(_mm512_castsi256_si512(rows01), rows23, 1), order);
}

void horizontal(const uint8_t* rows, int64_t row_stride, const FilterTaps& taps, uint8_t* out, int64_t out_stride) {
  static_assert(kRowsAtOnce == 4);
  const int outputs = taps.outputs();
  for (int x = 0; x < outputs; ++x) {
    const int count = taps.count[static_cast<size_t>(x)];
    const int64_t base = static_cast<int64_t>(x) * taps.stride;
    const uint8_t* pixel = rows + int64_t{3} * taps.first[static_cast<size_t>(x)];
    DigitSums sums;
    for (int t = 0; t < count; t += 4, pixel += 12) {
      const __m512i weights[kDigits] = {four_taps(taps, 0, base + t), four_taps(taps, 1, base + t),
                                        four_taps(taps, 2, base + t)};
      sums.add(four_pixels_of_four_rows(pixel, row_stride), weights);
    }
    const __m512i positive = _mm512_max_epi32(sums.rounded(), _mm512_setzero_si512());
    alignas(16) uint8_t pixels[16];  // RGB and a zero of each row
    _mm_store_si128(reinterpret_cast<__m128i*>(pixels), _mm512_cvtusepi32_epi8(positive));
    uint8_t* target = out + 3 * x;
    if (x + 1 < outputs) {  // a four-byte store is cheaper; the next pixel overwrites its last byte
      for (int r = 0; r < kRowsAtOnce; ++r) std::memcpy(target + r * out_stride, pixels + 4 * r, 4);
    } else {
      for (int r = 0; r < kRowsAtOnce; ++r) std::memcpy(target + r * out_stride, pixels + 4 * r, 3);
    }
  }
}

// 64 bytes of one output row.
__m512i vertical_block(const uint8_t* column, int64_t row_stride, const FilterTaps& taps, int64_t base, int count) {
  DigitSums sums[4];  // of columns 0-3, 4-7, 8-11, 12-15 of each quarter
  for (int t = 0; t < count; t += 4) {
    const auto row = [&](int r) {
      return t + r < count ? _mm512_loadu_si512(column + (t + r) * row_stride) : _mm512_setzero_si512();
    };
    const __m512i a = row(0), b = row(1), c = row(2), d = row(3);
    const __m512i left_ab = _mm512_unpacklo_epi8(a, b), right_ab = _mm512_unpackhi_epi8(a, b);
    const __m512i left_cd = _mm512_unpacklo_epi8(c, d), right_cd = _mm512_unpackhi_epi8(c, d);
    const __m512i weights[kDigits] = {four_taps(taps, 0, base + t), four_taps(taps, 1, base + t),
                                      four_taps(taps, 2, base + t)};
    sums[0].add(_mm512_unpacklo_epi16(left_ab, left_cd), weights);
    sums[1].add(_mm512_unpackhi_epi16(left_ab, left_cd), weights);
    sums[2].add(_mm512_unpacklo_epi16(right_ab, right_cd), weights);
    sums[3].add(_mm512_unpackhi_epi16(right_ab, right_cd), weights);
  }
  const __m512i words0 = _mm512_packs_epi32(sums[0].rounded(), sums[1].rounded());
  const __m512i words1 = _mm512_packs_epi32(sums[2].rounded(), sums[3].rounded());
  return _mm512_packus_epi16(words0, words1);
}

void vertical(const uint8_t* rows, int64_t row_stride, const FilterTaps& taps, int index, uint8_t* out, int bytes) {
  constexpr int kBlock = 64;
  if (bytes < kBlock) {
    avx512_resample_kernels().vertical(rows, row_stride, taps, index, out, bytes);
    return;
  }
  const int count = taps.count[static_cast<size_t>(index)];
  const int64_t base = static_cast<int64_t>(index) * taps.stride;
  const uint8_t* first = rows + taps.first[static_cast<size_t>(index)] * row_stride;
  for (int i = 0; i < bytes; i += kBlock) {
    const int at = i + kBlock <= bytes ? i : bytes - kBlock;  // the last block overlaps the one before it
    _mm512_storeu_si512(out + at, vertical_block(first + at, row_stride, taps, base, count));
  }
}

}  // namespace

const ResampleKernels& avx512vnni_resample_kernels() {
  static const ResampleKernels kernels{horizontal, vertical, avx512_resample_kernels().split};
  return kernels;
}

}  // namespace dermis
#endif
