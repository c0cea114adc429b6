// Body of the AdamW step for the instruction set of the including file.
#pragma once

#include "kernels/adamw/adamw_blocks.h"
#include "kernels/simd/vec_inl.h"

namespace dermis {
namespace {

void adamw_update(float* parameter, const float* gradient, float* first, float* second, int64_t count,
                  const AdamWFactors& f) {
  const Vec scale = splat(f.gradient_scale), beta1 = splat(f.beta1), beta2 = splat(f.beta2);
  const Vec rest1 = splat(f.one_minus_beta1), rest2 = splat(f.one_minus_beta2);
  const Vec decay = splat(f.decay), step = splat(f.step_size), correct = splat(f.inverse_correction),
            eps = splat(f.eps);
  const auto update = [&](int64_t i, auto... tail) {
    const Vec g = load(gradient + i, tail...) * scale;
    const Vec m = fma(beta1, load(first + i, tail...), rest1 * g);
    const Vec v = fma(beta2, load(second + i, tail...), rest2 * (g * g));
    store(first + i, m, tail...);
    store(second + i, v, tail...);
    const Vec spread = fma(vsqrt(v), correct, eps);
    store(parameter + i, fnma(step, m / spread, load(parameter + i, tail...) * decay), tail...);
  };
  for_lanes(count, update, update);
}

#if defined(__AVX512F__)
struct Doubles16 {
  __m512d low = _mm512_setzero_pd(), high = _mm512_setzero_pd();
  void add_squares(const float* p) {
    const __m512d a = _mm512_cvtps_pd(_mm256_loadu_ps(p)), b = _mm512_cvtps_pd(_mm256_loadu_ps(p + 8));
    low = _mm512_fmadd_pd(a, a, low);
    high = _mm512_fmadd_pd(b, b, high);
  }
  void spill(double* out) const {
    _mm512_storeu_pd(out, low);
    _mm512_storeu_pd(out + 8, high);
  }
};
#else
struct Doubles16 {
  __m256d part[4] = {_mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd(), _mm256_setzero_pd()};
  void add_squares(const float* p) {
    for (int i = 0; i < 4; ++i) {
      const __m256d a = _mm256_cvtps_pd(_mm_loadu_ps(p + 4 * i));
      part[i] = _mm256_fmadd_pd(a, a, part[i]);
    }
  }
  void spill(double* out) const {
    for (int i = 0; i < 4; ++i) _mm256_storeu_pd(out + 4 * i, part[i]);
  }
};
#endif

double sum_of_squares(const float* x, int64_t count) {
  Doubles16 lanes;
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) lanes.add_squares(x + i);
  double sums[16];
  lanes.spill(sums);
  for (int lane = 0; i < count; ++i, ++lane) sums[lane] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace
}  // namespace dermis
