// Bodies of the embedding kernels.
#pragma once

#include "kernels/embedding/embedding_cuda.h"
#include "kernels/machine/elementwise.h"

namespace dermis {

// A thread takes eight columns of one row.
template <class E>
struct EmbeddingForwardKernel : ElementwiseShape {
  using Params = EmbeddingForwardParams;

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const uint32_t index = piece_index(m);
    if (index >= pieces_of(p.texts + p.images, p.width)) return;
    const MatrixPiece piece(index, p.width);
    const Rows<E> out(p.out, p.width);
    if (piece.row < p.texts) {
      float x[kEight];
      const int64_t id = m.load(p.text_ids + piece.row);
      Rows<const E>(p.embedding, p.width).row(id).load(m, piece.column, x);
      DERMIS_UNROLL
      for (float& v : x) v *= p.scale;
      out.row(m.load(p.text_rows + piece.row)).store(m, piece.column, x);
    } else {
      const int64_t image = piece.row - p.texts, feature = m.load(p.image_rows + image);
      const Eight<E> x = Rows<const E>(p.features, p.width).row(feature).load(m, piece.column);
      out.row(m.load(p.image_slots + image)).store(m, piece.column, x);
    }
  }
};

// A block takes one target and 256 columns of it. Its warps share the sources; their sums are added in order.
template <class E>
struct RowSumsKernel {
  using Params = RowSumsParams;
  static constexpr int kThreads = 128, kBlocksPerSm = 8;
  static constexpr int kWarps = kThreads / kWarpSize, kColumns = kWarpSize * kEight, kInFlight = 4;
  static constexpr uint32_t kSharedBytes = kWarps * kColumns * sizeof(float);

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const int32_t column = m.block(1) * kColumns + m.lane() * kEight;
    const int64_t begin = m.load(p.offsets + m.block(0)), end = m.load(p.offsets + m.block(0) + 1);
    const Rows<const E> rows(p.rows, p.width);
    float sums[kEight] = {};
    for (int64_t i = begin + m.warp(); i < end; i += kWarps * kInFlight) {
      Eight<E> values[kInFlight] = {};
      DERMIS_UNROLL
      for (int k = 0; k < kInFlight; ++k) {
        if (i + k * kWarps < end) values[k] = rows.row(m.load(p.sources + i + k * kWarps)).load(m, column);
      }
      DERMIS_UNROLL
      for (const Eight<E>& value : values) {
        float x[kEight];
        unpack_eight(m, value, x);
        DERMIS_UNROLL
        for (int c = 0; c < kEight; ++c) sums[c] += x[c];
      }
    }
    if (m.warp() != 0) {
      DERMIS_UNROLL
      for (int c = 0; c < kEight; ++c) m.store(place(m.warp(), c, m.lane()), sums[c]);
    }
    m.sync();
    if (m.warp() != 0) return;
    for (int warp = 1; warp < kWarps; ++warp) {
      DERMIS_UNROLL
      for (int c = 0; c < kEight; ++c) sums[c] += m.template load<float>(place(warp, c, m.lane()));
    }
    DERMIS_UNROLL
    for (float& sum : sums) sum *= p.scale;
    Rows<E>(p.out, p.width).row(m.load(p.targets + m.block(0))).store(m, column, sums);
  }

 private:
  // A lane's eight columns lie 32 apart, so that lanes meet different banks.
  DERMIS_DEVICE static Shared place(int warp, int column, int lane) {
    return {static_cast<uint32_t>(warp * kColumns + column * kWarpSize + lane) * static_cast<uint32_t>(sizeof(float))};
  }
};

inline int64_t embedding_forward_pieces(const EmbeddingForwardParams& p) {
  return pieces_of(p.texts + p.images, p.width);
}
inline Launch row_sums_launch(const RowSumsParams& p) {
  using Kernel = RowSumsKernel<float>;
  return {.blocks = {static_cast<uint32_t>(p.groups), static_cast<uint32_t>(ceil_div(p.width, Kernel::kColumns)), 1},
          .threads = Kernel::kThreads,
          .shared_bytes = Kernel::kSharedBytes};
}

}  // namespace dermis
