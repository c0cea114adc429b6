// Vector bodies of the resize loops, included by one .cpp per instruction set. Pairs of 8-bit samples are multiplied by
// pairs of 16-bit half-weights and added to 32-bit sums, once with the low and once with the high halves; the sum of
// low + (high << 16) is exact modulo 2^32, and the true sum fits 32 bits.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "data/image/resample_kernels.h"

namespace dermis {
namespace {

struct Sums {
  __m256i low = _mm256_setzero_si256();
  __m256i high = _mm256_setzero_si256();

  void add(__m256i pairs, __m256i low_weights, __m256i high_weights) {
    low = _mm256_add_epi32(low, _mm256_madd_epi16(pairs, low_weights));
    high = _mm256_add_epi32(high, _mm256_madd_epi16(pairs, high_weights));
  }
  __m256i total() const { return _mm256_add_epi32(low, _mm256_slli_epi32(high, 16)); }
};

inline __m256i rounded(__m256i sums) {
  return _mm256_srai_epi32(_mm256_add_epi32(sums, _mm256_set1_epi32(1 << (kWeightBits - 1))), kWeightBits);
}

inline __m256i four_weights(const int16_t* weights) {
  int64_t bits;
  std::memcpy(&bits, weights, sizeof(bits));
  return _mm256_set1_epi64x(bits);
}

inline __m256i two_weights(const int16_t* weights) {
  int32_t bits;
  std::memcpy(&bits, weights, sizeof(bits));
  return _mm256_set1_epi32(bits);
}

// Four RGB pixels become the 16-bit pairs R01 R23 G01 G23 | B01 B23 0 0.
inline __m256i four_pixels(const uint8_t* rgb) {
  const __m256i order = _mm256_setr_epi8(0, -1, 3, -1, 6, -1, 9, -1, 1, -1, 4, -1, 7, -1, 10, -1,  //
                                         2, -1, 5, -1, 8, -1, 11, -1, -1, -1, -1, -1, -1, -1, -1, -1);
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(rgb));
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(bytes), order);
}

inline void horizontal_rows(const uint8_t* rows, int64_t row_stride, const FilterTaps& taps, uint8_t* out,
                            int64_t out_stride) {
  const int outputs = taps.outputs();
  for (int x = 0; x < outputs; ++x) {
    const int count = taps.count[static_cast<size_t>(x)];
    const int16_t* low = taps.low.data() + static_cast<int64_t>(x) * taps.stride;
    const int16_t* high = taps.high.data() + static_cast<int64_t>(x) * taps.stride;
    const uint8_t* pixel = rows + int64_t{3} * taps.first[static_cast<size_t>(x)];
    Sums sums[kRowsAtOnce];
    for (int t = 0; t < count; t += 4, pixel += 12) {
      const __m256i low_weights = four_weights(low + t);
      const __m256i high_weights = four_weights(high + t);
      for (int r = 0; r < kRowsAtOnce; ++r) sums[r].add(four_pixels(pixel + r * row_stride), low_weights, high_weights);
    }
    const __m256i rows01 = _mm256_hadd_epi32(sums[0].total(), sums[1].total());  // R0 G0 R1 G1 | B0 0 B1 0
    const __m256i rows23 = _mm256_hadd_epi32(sums[2].total(), sums[3].total());
    const __m256i words = _mm256_packs_epi32(rounded(rows01), rounded(rows23));
    const __m256i bytes = _mm256_packus_epi16(words, words);
    const __m128i rgb0 = _mm_unpacklo_epi16(_mm256_castsi256_si128(bytes), _mm256_extracti128_si256(bytes, 1));
    alignas(16) uint8_t pixels[16];
    _mm_store_si128(reinterpret_cast<__m128i*>(pixels), rgb0);
    uint8_t* target = out + 3 * x;
    // A four-byte store is cheaper; the next pixel overwrites its last byte.
    const size_t width = x + 1 < outputs ? 4 : 3;
    for (int r = 0; r < kRowsAtOnce; ++r) {
      if (width == 4) {
        std::memcpy(target + r * out_stride, pixels + 4 * r, 4);
      } else {
        std::memcpy(target + r * out_stride, pixels + 4 * r, 3);
      }
    }
  }
}

// 32 bytes of one output row.
inline __m256i vertical_block(const uint8_t* column, int64_t row_stride, const int16_t* low, const int16_t* high,
                              int count) {
  const __m256i zero = _mm256_setzero_si256();
  Sums sums[4];
  for (int t = 0; t < count; t += 2) {
    const uint8_t* at = column + t * row_stride;
    const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    const __m256i b = t + 1 < count ? _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + row_stride)) : zero;
    const __m256i left = _mm256_unpacklo_epi8(a, b);
    const __m256i right = _mm256_unpackhi_epi8(a, b);
    const __m256i low_weights = two_weights(low + t);
    const __m256i high_weights = two_weights(high + t);
    sums[0].add(_mm256_unpacklo_epi8(left, zero), low_weights, high_weights);
    sums[1].add(_mm256_unpackhi_epi8(left, zero), low_weights, high_weights);
    sums[2].add(_mm256_unpacklo_epi8(right, zero), low_weights, high_weights);
    sums[3].add(_mm256_unpackhi_epi8(right, zero), low_weights, high_weights);
  }
  const __m256i words0 = _mm256_packs_epi32(rounded(sums[0].total()), rounded(sums[1].total()));
  const __m256i words1 = _mm256_packs_epi32(rounded(sums[2].total()), rounded(sums[3].total()));
  return _mm256_packus_epi16(words0, words1);
}

inline void vertical_row(const uint8_t* rows, int64_t row_stride, const FilterTaps& taps, int index, uint8_t* out,
                         int bytes) {
  const int count = taps.count[static_cast<size_t>(index)];
  const int16_t* low = taps.low.data() + static_cast<int64_t>(index) * taps.stride;
  const int16_t* high = taps.high.data() + static_cast<int64_t>(index) * taps.stride;
  const uint8_t* first = rows + taps.first[static_cast<size_t>(index)] * row_stride;
  if (bytes < 32) {
    portable_resample_kernels().vertical(rows, row_stride, taps, index, out, bytes);
    return;
  }
  for (int i = 0; i < bytes; i += 32) {
    const int at = i + 32 <= bytes ? i : bytes - 32;  // the last block overlaps the one before it
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + at), vertical_block(first + at, row_stride, low, high, count));
  }
}

inline void split_planes(const uint8_t* __restrict rgb, int64_t count, uint8_t* __restrict red,
                         uint8_t* __restrict green, uint8_t* __restrict blue) {
  for (int64_t i = 0; i < count; ++i) {
    red[i] = rgb[3 * i];
    green[i] = rgb[3 * i + 1];
    blue[i] = rgb[3 * i + 2];
  }
}

}  // namespace
}  // namespace dermis
