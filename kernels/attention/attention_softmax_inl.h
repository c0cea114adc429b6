// Element-wise mathematics of attention on registers. For attention_avx2.cpp and attention_avx512.cpp.
#pragma once

#include "kernels/simd/vec_inl.h"

namespace dermis {
namespace {

constexpr float kMinusInfinity = -__builtin_inff();
constexpr float kLargestFloat = 0x1.fffffep127F;
constexpr float kLog2E = 1.44269504F;
constexpr float kLn2 = 0.693147181F;

// 2^x for x <= 127: relative error below 1.3e-7 (the polynomial's own is 2e-9), exactly 1 for 0, exactly 0 for -inf.
// Results below 2^-126 may become 0. NaN stays NaN.
[[gnu::always_inline]] inline Vec exp2_of(Vec x) {
#if defined(__AVX512F__)
  const Vec n = nearest(x);
  const Vec f = _mm512_reduce_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);  // x - n, but 0 for -inf
#else
  x = vmax(splat(-127.0F), x);  // exponent bits 0: times zero
  const Vec n = nearest(x);
  const Vec f = x - n;
#endif
  Vec p = splat(0x1.41d334p-13F);
  p = fma(p, f, splat(0x1.5f456ap-10F));
  p = fma(p, f, splat(0x1.3b2dbcp-7F));
  p = fma(p, f, splat(0x1.c6aed4p-5F));
  p = fma(p, f, splat(0x1.ebfbdap-3F));
  p = fma(p, f, splat(0x1.62e430p-1F));
  p = fma(p, f, splat(1.0F));
  return times_power_of_two(p, n);
}

#if defined(__AVX512F__)
[[gnu::always_inline]] inline Vec select_smaller(Vec x, float bound, Vec yes, Vec no) {
  return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, splat(bound), _CMP_LT_OQ), no, yes);
}
// x where lane index + first lies in [begin, end), else `other`.
[[gnu::always_inline]] inline Vec inside(Vec x, int64_t first, int64_t begin, int64_t end, Vec other) {
  const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __mmask16 from = _mm512_cmpge_epi32_mask(lane, _mm512_set1_epi32(static_cast<int>(begin - first)));
  const __mmask16 mask = _mm512_mask_cmplt_epi32_mask(from, lane, _mm512_set1_epi32(static_cast<int>(end - first)));
  return _mm512_mask_blend_ps(mask, other, x);
}
// x, but exactly 0 where p is 0, whatever x holds there.
[[gnu::always_inline]] inline Vec zero_where_zero(Vec p, Vec x) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(p, _mm512_setzero_ps(), _CMP_NEQ_UQ), x);
}
[[gnu::always_inline]] inline Vec absolute(Vec x) { return _mm512_abs_ps(x); }
#else
[[gnu::always_inline]] inline Vec select_smaller(Vec x, float bound, Vec yes, Vec no) {
  return _mm256_blendv_ps(no, yes, _mm256_cmp_ps(x, splat(bound), _CMP_LT_OQ));
}
[[gnu::always_inline]] inline Vec inside(Vec x, int64_t first, int64_t begin, int64_t end, Vec other) {
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const __m256i from = _mm256_cmpgt_epi32(lane, _mm256_set1_epi32(static_cast<int>(begin - first - 1)));
  const __m256i to = _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(end - first)), lane);
  return _mm256_blendv_ps(other, x, _mm256_castsi256_ps(_mm256_and_si256(from, to)));
}
[[gnu::always_inline]] inline Vec zero_where_zero(Vec p, Vec x) {
  return _mm256_and_ps(x, _mm256_cmp_ps(p, _mm256_setzero_ps(), _CMP_NEQ_UQ));
}
[[gnu::always_inline]] inline Vec absolute(Vec x) { return _mm256_andnot_ps(splat(-0.0F), x); }
#endif

[[gnu::always_inline]] inline Vec add(Vec a, Vec b) { return a + b; }

#if defined(__AVX512F__)
// Lane i of the result: op over the lanes of x[i].
template <typename Op>
[[gnu::always_inline]] inline Vec across_lanes(const Vec (&x)[kLanes], Op op) {
  Vec fours[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    const Vec a = x[4 * i], b = x[4 * i + 1], c = x[4 * i + 2], d = x[4 * i + 3];
    const __m512d ab = _mm512_castps_pd(op(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b)));
    const __m512d cd = _mm512_castps_pd(op(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d)));
    fours[i] = op(_mm512_castpd_ps(_mm512_unpacklo_pd(ab, cd)), _mm512_castpd_ps(_mm512_unpackhi_pd(ab, cd)));
  }
  const auto fold = [&](Vec a, Vec b) {
    return op(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xDD));
  };
  return fold(fold(fours[0], fours[1]), fold(fours[2], fours[3]));
}
#else
template <typename Op>
[[gnu::always_inline]] inline Vec across_lanes(const Vec (&x)[kLanes], Op op) {
  Vec fours[2];
#pragma GCC unroll 2
  for (int i = 0; i < 2; ++i) {
    const Vec a = x[4 * i], b = x[4 * i + 1], c = x[4 * i + 2], d = x[4 * i + 3];
    const __m256d ab = _mm256_castps_pd(op(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b)));
    const __m256d cd = _mm256_castps_pd(op(_mm256_unpacklo_ps(c, d), _mm256_unpackhi_ps(c, d)));
    fours[i] = op(_mm256_castpd_ps(_mm256_unpacklo_pd(ab, cd)), _mm256_castpd_ps(_mm256_unpackhi_pd(ab, cd)));
  }
  return op(_mm256_permute2f128_ps(fours[0], fours[1], 0x20), _mm256_permute2f128_ps(fours[0], fours[1], 0x31));
}
#endif

// tanh x, relative error below 4e-7: an odd polynomial (Cephes' tanhf) below 0.625, exponentials above.
[[gnu::always_inline]] inline Vec tanh_of(Vec x) {
  const Vec size = absolute(x);
  const Vec square = x * x;
  Vec p = splat(-5.70498872745E-3F);
  p = fma(p, square, splat(2.06390887954E-2F));
  p = fma(p, square, splat(-5.37397155531E-2F));
  p = fma(p, square, splat(1.33314422036E-1F));
  p = fma(p, square, splat(-3.33332819422E-1F));
  const Vec near = fma(p * square, x, x);
  const Vec power = exp2_of(vmin(splat(60.0F), size * splat(2.0F * kLog2E)));
  const Vec far = splat(1.0F) - splat(2.0F) / (power + splat(1.0F));
  return select_smaller(size, 0.625F, near, select_smaller(x, 0.0F, splat(0.0F) - far, far));
}

}  // namespace
}  // namespace dermis
