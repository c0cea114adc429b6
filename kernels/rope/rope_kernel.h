// Body of the rotation: a thread turns eight pairs of one head. Heads of a token share their angles through the cache.
#pragma once

#include "kernels/machine/elementwise.h"
#include "kernels/rope/rope_cuda.h"

namespace dermis {

template <class E>
struct RopeKernel : ElementwiseShape {
  using Params = RopeParams;

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const uint32_t index = piece_index(m);
    const int32_t half = p.head_size / 2;
    if (index >= pieces_of(p.tokens * p.heads, half)) return;
    const MatrixPiece piece(index, half);
    const uint32_t token = piece.row / static_cast<uint32_t>(p.heads), head = piece.row - token * p.heads;

    float cosine[kEight], sine[kEight], first[kEight], second[kEight];
    Rows<const float>(p.cosines, half, half).row(token).load(m, piece.column, cosine);
    Rows<const float>(p.sines, half, half).row(token).load(m, piece.column, sine);
    const E* x = static_cast<const E*>(p.x) + token * p.x_token_stride + head * p.x_head_stride;
    row_of(x, half).load(m, piece.column, first);
    row_of(x + half, half).load(m, piece.column, second);
    DERMIS_UNROLL
    for (int i = 0; i < kEight; ++i) {
      const float s = sine[i] * p.direction, x1 = first[i], x2 = second[i];
      first[i] = m.fma(-x2, s, x1 * cosine[i]);
      second[i] = m.fma(x1, s, x2 * cosine[i]);
    }
    E* y = static_cast<E*>(p.y) + token * p.y_token_stride + head * p.y_head_stride;
    row_of(y, half).store(m, piece.column, first);
    row_of(y + half, half).store(m, piece.column, second);
  }
};

inline int64_t rope_pieces(const RopeParams& p) { return pieces_of(p.tokens * p.heads, p.head_size / 2); }

}  // namespace dermis
