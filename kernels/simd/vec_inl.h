// Vec: a register of floats in the instruction set that the including file is compiled for. Include only from *_inl.h
// files that *_avx2.cpp and *_avx512.cpp include: all of it has internal linkage, so that no AVX-512 code can be merged
// into a function that an AVX2 machine calls. For the same reason nothing here includes a C++ standard header.
#pragma once

// GCC's own intrinsics read a deliberately undefined register (GCC bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>
#include <stdint.h>

namespace dermis {
namespace {

#if defined(__AVX512F__)

using Vec = __m512;
constexpr int kLanes = 16;
struct Tail {
  explicit Tail(int64_t count) : mask(static_cast<__mmask16>((1U << count) - 1U)) {}
  __mmask16 mask;
};
inline Vec load(const float* p) { return _mm512_loadu_ps(p); }
inline Vec load(const float* p, Tail tail) { return _mm512_maskz_loadu_ps(tail.mask, p); }
inline void store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
inline void store(float* p, Vec v, Tail tail) { _mm512_mask_storeu_ps(p, tail.mask, v); }
inline Vec keep(Vec v, Tail tail) { return _mm512_maskz_mov_ps(tail.mask, v); }
inline Vec splat(float x) { return _mm512_set1_ps(x); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
inline Vec fnma(Vec a, Vec b, Vec c) { return _mm512_fnmadd_ps(a, b, c); }
inline Vec vmax(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline Vec vmin(Vec a, Vec b) { return _mm512_min_ps(a, b); }
inline Vec vsqrt(Vec a) { return _mm512_sqrt_ps(a); }
inline Vec vabs(Vec a) { return _mm512_abs_ps(a); }
inline Vec nearest(Vec a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Vec times_power_of_two(Vec a, Vec n) { return _mm512_scalef_ps(a, n); }
// a where the sign of v is negative, else b.
inline Vec where_negative(Vec v, Vec a, Vec b) {
  return _mm512_mask_blend_ps(_mm512_movepi32_mask(_mm512_castps_si512(v)), b, a);
}
inline float sum_lanes(Vec a) { return _mm512_reduce_add_ps(a); }
inline float max_lanes(Vec a) { return _mm512_reduce_max_ps(a); }

#else

using Vec = __m256;
constexpr int kLanes = 8;
struct Tail {
  explicit Tail(int64_t count)
      : mask(_mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)),
                                _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7))) {}
  __m256i mask;
};
inline Vec load(const float* p) { return _mm256_loadu_ps(p); }
inline Vec load(const float* p, Tail tail) { return _mm256_maskload_ps(p, tail.mask); }
inline void store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
inline void store(float* p, Vec v, Tail tail) { _mm256_maskstore_ps(p, tail.mask, v); }
inline Vec keep(Vec v, Tail tail) { return _mm256_and_ps(v, _mm256_castsi256_ps(tail.mask)); }
inline Vec splat(float x) { return _mm256_set1_ps(x); }
inline Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
inline Vec fnma(Vec a, Vec b, Vec c) { return _mm256_fnmadd_ps(a, b, c); }
inline Vec vmax(Vec a, Vec b) { return _mm256_max_ps(a, b); }
inline Vec vmin(Vec a, Vec b) { return _mm256_min_ps(a, b); }
inline Vec vsqrt(Vec a) { return _mm256_sqrt_ps(a); }
inline Vec vabs(Vec a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), a); }
inline Vec nearest(Vec a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
// n integral in [-126, 127].
inline Vec times_power_of_two(Vec a, Vec n) {
  const __m256i exponent = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
  return a * _mm256_castsi256_ps(exponent);
}
inline Vec where_negative(Vec v, Vec a, Vec b) { return _mm256_blendv_ps(b, a, v); }
inline float sum_lanes(Vec a) {
  __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_add_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
inline float max_lanes(Vec a) {
  __m128 s = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  s = _mm_max_ps(s, _mm_movehl_ps(s, s));
  return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}

#endif

// e^x, relative error below 2e-7 (within 2 units of the last place); arguments are clamped to [-87.3, 88.3], so the
// result is never denormal or infinite. NaN stays NaN: vmin and vmax return their second operand for an unordered pair.
inline Vec vexp(Vec x) {
  x = vmax(splat(-87.3F), vmin(splat(88.3F), x));
  const Vec n = nearest(x * splat(1.44269504F));
  // ln 2 in two parts: n times the first is exact, so the reduced argument keeps all its bits (Cody and Waite).
  Vec r = fnma(n, splat(0.693359375F), x);
  r = fnma(n, splat(-2.12194440e-4F), r);
  Vec p = splat(1.0F / 5040.0F);
  p = fma(p, r, splat(1.0F / 720.0F));
  p = fma(p, r, splat(1.0F / 120.0F));
  p = fma(p, r, splat(1.0F / 24.0F));
  p = fma(p, r, splat(1.0F / 6.0F));
  p = fma(p, r, splat(0.5F));
  p = fma(p, r, splat(1.0F));
  p = fma(p, r, splat(1.0F));
  return times_power_of_two(p, n);
}

// To about a unit of the last place, with 1 - 2 / (1 + e^2|x|) for large |x| and a polynomial (Cephes tanhf) for small.
inline Vec vtanh(Vec x) {
  const Vec size = vabs(x), power = vexp(splat(-2.0F) * size);
  const Vec large = fnma(splat(2.0F), power / (splat(1.0F) + power), splat(1.0F));
  const Vec z = x * x;
  Vec series = fma(splat(-5.70498872745e-3F), z, splat(2.06390887954e-2F));
  series = fma(series, z, splat(-5.37397155531e-2F));
  series = fma(series, z, splat(1.33314422036e-1F));
  series = fma(series, z, splat(-3.33332819422e-1F));
  const Vec small = fma(series * z, x, x);
  return where_negative(size - splat(0.625F), small, where_negative(x, -large, large));
}

// Calls body(offset, load, store) over [0, count): whole registers, then one masked one.
template <typename Whole, typename Part>
inline void for_lanes(int64_t count, Whole whole, Part part) {
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) whole(i);
  if (i < count) part(i, Tail(count - i));
}

}  // namespace
}  // namespace dermis
