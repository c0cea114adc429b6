// Kernels in which a thread takes eight numbers of a row, or of an array, and nothing else.
#pragma once

#include "kernels/machine/rows.h"

namespace dermis {

struct ElementwiseShape {
  static constexpr int kThreads = 256, kBlocksPerSm = 4;
  static constexpr uint32_t kSharedBytes = 0;
};

// Pieces of eight are numbered in 32 bits, because 64-bit divisions cost more than the arithmetic of most operators.
constexpr int64_t kMostPieces = (int64_t{1} << 31) - 1;

DERMIS_HOST_DEVICE constexpr int64_t pieces_of(int64_t rows, int64_t width) { return rows * ceil_div(width, kEight); }

inline Launch elementwise_launch(int64_t pieces) {
  return {.blocks = {static_cast<uint32_t>(ceil_div(pieces, ElementwiseShape::kThreads)), 1, 1},
          .threads = ElementwiseShape::kThreads};
}

template <class M>
DERMIS_DEVICE uint32_t piece_index(M& m) {
  return static_cast<uint32_t>(m.block(0)) * ElementwiseShape::kThreads + static_cast<uint32_t>(m.thread());
}

// Where piece `index` of a matrix lies.
struct MatrixPiece {
  uint32_t row;
  int32_t column;

  DERMIS_DEVICE MatrixPiece(uint32_t index, int32_t width) {
    const auto per_row = static_cast<uint32_t>(ceil_div(width, kEight));
    row = index / per_row;
    column = static_cast<int32_t>(index - row * per_row) * kEight;
  }
};

// Piece `index` of an array of `count`.
template <class E>
DERMIS_DEVICE Row<E> array_piece(E* array, int64_t count, uint32_t index) {
  return piece_at(array, count, int64_t{index} * kEight);
}

}  // namespace dermis
