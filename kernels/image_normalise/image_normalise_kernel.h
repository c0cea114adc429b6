// Body of the normalisation of pictures: a thread takes sixteen pixels of one plane.
#pragma once

#include "kernels/image_normalise/image_normalise_cuda.h"
#include "kernels/machine/elementwise.h"

namespace dermis {

template <class E>
struct ImageNormaliseKernel : ElementwiseShape {
  using Params = ImageNormaliseParams;
  static constexpr int kPixels = 16;

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const auto per_plane = static_cast<uint32_t>(ceil_div(p.plane, kPixels));
    const uint32_t index = piece_index(m), plane = index / per_plane;
    if (plane >= p.images * 3) return;
    const int32_t column = static_cast<int32_t>(index - plane * per_plane) * kPixels;
    const uint8_t* from = p.x + int64_t{plane} * p.plane + column;
    const Row<E> to = row_of(static_cast<E*>(p.y) + int64_t{plane} * p.plane + column, p.plane - column);

    Vec16 pixels = {};
    if (is_aligned16(from) && column + kPixels <= p.plane) {
      pixels = m.load(reinterpret_cast<const Vec16*>(from));
    } else {
      DERMIS_UNROLL
      for (int i = 0; i < kPixels; ++i) {
        if (column + i < p.plane) pixels.word[i / 4] |= uint32_t{m.load(from + i)} << (8 * (i % 4));
      }
    }
    const uint32_t colour = plane % 3;
    const float factor = p.factor[colour], shift = p.shift[colour];
    DERMIS_UNROLL
    for (int part = 0; part < kPixels; part += kEight) {
      float y[kEight];
      DERMIS_UNROLL
      for (int i = 0; i < kEight; ++i) {
        const uint32_t pixel = (pixels.word[(part + i) / 4] >> (8 * (i % 4))) & 0xffu;
        y[i] = m.fma(static_cast<float>(pixel), factor, shift);
      }
      to.store(m, part, y);
    }
  }
};

inline int64_t image_normalise_pieces(const ImageNormaliseParams& p) {
  return p.images * 3 * ceil_div(p.plane, ImageNormaliseKernel<float>::kPixels);
}

}  // namespace dermis
