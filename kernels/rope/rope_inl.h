// Body of the rotation for the instruction set of the including file.
#pragma once

#include "kernels/rope/rope_rows.h"
#include "kernels/simd/vec_inl.h"

namespace dermis {
namespace {

void rope_rotate(const RopeRows& a, int64_t row_begin, int64_t row_end) {
  const int64_t half = a.half;
  const Vec direction = splat(a.direction);
  for (int64_t row = row_begin; row < row_end; ++row) {
    const float* cosines = a.cosines + row * half;
    const float* sines = a.sines + row * half;
    const auto rotate = [&](int64_t i, auto... tail) {
      const Vec c = load(cosines + i, tail...);
      const Vec s = load(sines + i, tail...) * direction;
      const float* x = a.x + row * a.row_stride + i;
      float* y = a.y + row * a.heads * 2 * half + i;
      for (int64_t head = 0; head < a.heads; ++head, x += a.head_stride, y += 2 * half) {
        const Vec x1 = load(x, tail...);
        const Vec x2 = load(x + half, tail...);
        store(y, fnma(x2, s, x1 * c), tail...);
        store(y + half, fma(x1, s, x2 * c), tail...);
      }
    };
    for_lanes(half, rotate, rotate);
  }
}

}  // namespace
}  // namespace dermis
