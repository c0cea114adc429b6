// Body of the normalisation of pictures: a thread takes eight pixels of one plane.
#pragma once

#include "kernels/image_normalise/image_normalise_cuda.h"
#include "kernels/machine/elementwise.h"

namespace dermis {

template <class E>
struct ImageNormaliseKernel : ElementwiseShape {
  using Params = ImageNormaliseParams;

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const auto per_plane = static_cast<uint32_t>(ceil_div(p.plane, kEight));
    const uint32_t index = piece_index(m), plane = index / per_plane;
    if (plane >= p.images * 3) return;
    const int32_t column = static_cast<int32_t>(index - plane * per_plane) * kEight;
    const uint8_t* from = p.x + int64_t{plane} * p.plane + column;
    const Row<E> to = row_of(static_cast<E*>(p.y) + int64_t{plane} * p.plane + column, p.plane - column);

    uint64_t pixels = 0;
    if (reinterpret_cast<uintptr_t>(from) % 8 == 0 && column + kEight <= p.plane) {
      pixels = m.load(reinterpret_cast<const uint64_t*>(from));
    } else {
      DERMIS_UNROLL
      for (int i = 0; i < kEight; ++i)
        if (column + i < p.plane) pixels |= uint64_t{m.load(from + i)} << (8 * i);
    }
    const uint32_t colour = plane % 3;
    const float factor = p.factor[colour], shift = p.shift[colour];
    float y[kEight];
    DERMIS_UNROLL
    for (int i = 0; i < kEight; ++i) {
      const auto pixel = static_cast<uint32_t>(pixels >> (8 * i)) & 0xffu;
      y[i] = m.fma(static_cast<float>(pixel), factor, shift);
    }
    to.store(m, 0, y);
  }
};

inline int64_t image_normalise_pieces(const ImageNormaliseParams& p) {
  return p.images * 3 * ceil_div(p.plane, kEight);
}

}  // namespace dermis
