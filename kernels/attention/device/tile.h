// Tiles of 16-bit numbers in shared memory and the matrix fragments read from them.
//
// A tile is rows x D, a row D * 2 bytes in chunks of 16 bytes. load_matrix reads eight rows of one chunk at once; they
// must lie in eight different groups of four banks. For D a multiple of 64 a row fills all 32 banks, so chunk c of row
// r is stored at chunk c ^ (r % 8). For D = 72 a row is 36 banks long: eight rows of one chunk start 4 banks apart by
// themselves and nothing is permuted.
#pragma once

#include "kernels/machine/machine.h"

namespace dermis {

// 72 = 4 steps of 16 and one of 8: no padding.
template <int D>
struct DepthSteps {
  static_assert(D % 8 == 0);
  static constexpr int kSixteens = D / 16;
  static constexpr bool kEight = D % 16 != 0;
};

template <class E, int Rows, int D>
struct Tile {
  static_assert(D == 64 || D == 72 || D == 128 || D == 256);
  static constexpr int kRows = Rows, kWidth = D;
  static constexpr int kChunks = D / 8;  // of 16 bytes a row
  static constexpr uint32_t kRowBytes = D * 2, kBytes = Rows * kRowBytes;

  Shared base;  // a multiple of 128

  DERMIS_DEVICE static constexpr int swizzled(int row, int chunk) { return D % 64 == 0 ? chunk ^ (row & 7) : chunk; }
  DERMIS_DEVICE Shared chunk(int row, int chunk) const {
    return base + static_cast<uint32_t>(row) * kRowBytes + static_cast<uint32_t>(swizzled(row, chunk)) * 16;
  }
  // The same for row + lane_row and chunk + lane_chunk, of which the compiler knows row, a multiple of 8, and chunk,
  // that has no bit in common with lane_chunk: an address of the lane's, one exclusive-or for the chunk and offsets
  // that instructions hold, so that no thread keeps an address for every chunk.
  DERMIS_DEVICE Shared chunk(int row, int lane_row, int chunk, int lane_chunk) const {
    Shared at = this->chunk(lane_row, lane_chunk);
    if constexpr (D % 64 != 0) {
      at = at + static_cast<uint32_t>(chunk) * 16;
    } else {
      at = Shared{at.at ^ static_cast<uint32_t>(chunk % 8) * 16} + static_cast<uint32_t>(chunk / 8) * 128;
    }
    return at + static_cast<uint32_t>(row) * kRowBytes;
  }
  // Rows from `row` on, a multiple of 8.
  DERMIS_DEVICE Tile from_row(int row) const { return {base + static_cast<uint32_t>(row) * kRowBytes}; }

  // All threads of the block copy all rows; `source(row)` is the row's first element in global memory, or nullptr for a
  // row of zeros. Call commit() afterwards.
  template <int Threads, class M, class Source>
  DERMIS_DEVICE void copy_async(M& m, const E* any_address, Source source) const {
    static constexpr int kTotal = Rows * kChunks;
    DERMIS_UNROLL
    for (int i = 0; i < (kTotal + Threads - 1) / Threads; ++i) {
      const int index = i * Threads + m.thread();
      if (kTotal % Threads != 0 && index >= kTotal) break;
      const int row = index / kChunks, column = index % kChunks;
      const E* from = source(row);
      m.copy_async16(chunk(row, column), from != nullptr ? from + column * 8 : any_address, from != nullptr);
    }
  }
  // The same for rows 0 .. count-1 of count >= 1 (those after them become zeros). Eight lanes share a row: its address
  // is found once, they read 128 bytes of it together, and store them in all banks.
  template <int Threads, class M, class Source>
  DERMIS_DEVICE void copy_rows_async(M& m, int count, Source source) const {
    static constexpr int kLanes = 8, kRowsAtOnce = Threads / kLanes;
    static_assert(Rows % kRowsAtOnce == 0);
    const uint32_t lane = static_cast<uint32_t>(m.thread()) % kLanes,
                   lane_row = static_cast<uint32_t>(m.thread()) / kLanes;
    DERMIS_UNROLL
    for (int first = 0; first < Rows; first += kRowsAtOnce) {
      const int row = first + static_cast<int>(lane_row);
      const bool valid = row < count;
      // Not `lane`: of an offset whose low bits it knows to be free the compiler makes one address for each chunk.
      const E* from = source(valid ? row : 0) + 8 * (m.thread() % kLanes);
      DERMIS_UNROLL
      for (int c = 0; c < kChunks; c += kLanes) {
        if (c + kLanes <= kChunks || c + static_cast<int>(lane) < kChunks) {
          m.copy_async16(chunk(first, static_cast<int>(lane_row), c, static_cast<int>(lane)), from + 8 * c, valid);
        }
      }
    }
  }

  // The tile as it lies. A operand of mma: rows row..row+15, columns 16 * step...
  template <class M>
  DERMIS_DEVICE void a_k16(M& m, int row, int step, uint32_t (&a)[4]) const {
    m.load_matrix(a, chunk(row, m.lane() & 15, 2 * step, m.lane() >> 4));
  }
  // The last 8 columns, where D is not a multiple of 16.
  template <class M>
  DERMIS_DEVICE void a_k8(M& m, int row, int column_chunk, uint32_t (&a)[2]) const {
    m.load_matrix(a, chunk(row, m.lane() & 15, column_chunk, 0));
  }
  // B operand of x tile^T (the tile's rows become columns of the product): two neighbours of 8 rows each, depth 16 *
  // step...; b[0], b[1] belong to rows row..row+7, b[2], b[3] to row+8..row+15.
  template <class M>
  DERMIS_DEVICE void b_rows_k16(M& m, int row, int step, uint32_t (&b)[4]) const {
    m.load_matrix(b, chunk(row, (m.lane() & 7) + ((m.lane() >> 4) << 3), 2 * step, (m.lane() >> 3) & 1));
  }
  template <class M>
  DERMIS_DEVICE void b_rows_k8(M& m, int row, int column_chunk, uint32_t (&b)[2]) const {
    m.load_matrix(b, chunk(row, m.lane() & 15, column_chunk, 0));
  }

  // The tile with its rows as depth. B operand of x tile: depth rows row..row+15, columns 8 * column_chunk... and the
  // next 8; b[0], b[1] belong to the first 8 columns, b[2], b[3] to the others.
  template <class M>
  DERMIS_DEVICE void b_columns_k16(M& m, int row, int column_chunk, uint32_t (&b)[4]) const {
    m.load_matrix_transposed(b, chunk(row, m.lane() & 15, column_chunk, m.lane() >> 4));
  }
  template <class M>
  DERMIS_DEVICE void b_columns_k16(M& m, int row, int column_chunk, uint32_t (&b)[2]) const {  // 8 columns only
    m.load_matrix_transposed(b, chunk(row, m.lane() & 15, column_chunk, 0));
  }
  // A operand of tile^T x: output rows are the tile's columns 16 * block..., depth is its rows row..row+15.
  template <class M>
  DERMIS_DEVICE void a_columns_k16(M& m, int row, int column_chunk, uint32_t (&a)[4]) const {
    m.load_matrix_transposed(a, chunk(row, (m.lane() & 7) + ((m.lane() >> 4) << 3), column_chunk, (m.lane() >> 3) & 1));
  }
};

// s += x tile^T over the whole depth D for one strip of 16 rows of `x` and Columns (a multiple of 16) rows of `keys`:
// s[n] is the fragment of columns 8n .. 8n+7.
template <class E, int D, int Columns, class M, class TileX, class TileK>
DERMIS_DEVICE void scores(M& m, const TileX& x, int x_row, const TileK& keys, int key_row, float (&s)[Columns / 8][4]) {
  static_assert(Columns % 16 == 0);
  DERMIS_UNROLL
  for (int step = 0; step < DepthSteps<D>::kSixteens; ++step) {
    uint32_t a[4];
    x.a_k16(m, x_row, step, a);
    DERMIS_UNROLL
    for (int n = 0; n < Columns / 16; ++n) {
      uint32_t b[4];
      keys.b_rows_k16(m, key_row + 16 * n, step, b);
      m.template mma_k16<E>(s[2 * n], a, {b[0], b[1]});
      m.template mma_k16<E>(s[2 * n + 1], a, {b[2], b[3]});
    }
  }
  if constexpr (DepthSteps<D>::kEight) {
    uint32_t a[2];
    x.a_k8(m, x_row, D / 8 - 1, a);
    DERMIS_UNROLL
    for (int n = 0; n < Columns / 16; ++n) {
      uint32_t b[2];
      keys.b_rows_k8(m, key_row + 16 * n, D / 8 - 1, b);
      m.template mma_k8<E>(s[2 * n], a, b[0]);
      m.template mma_k8<E>(s[2 * n + 1], a, b[1]);
    }
  }
}

// o += p tile for one strip of 16 rows: p has Depth columns as A fragments (p[k] covers columns 16k .. 16k+15), the
// tile's rows row .. row+Depth-1 are the depth; o[n] is the fragment of columns 8 * (first_chunk + n)...
template <class E, int Depth, int Chunks, class M, class TileV>
DERMIS_DEVICE void accumulate(M& m, const uint32_t (&p)[Depth / 16][4], const TileV& v, int row, int first_chunk,
                              float (&o)[Chunks][4]) {
  static_assert(Depth % 16 == 0);
  DERMIS_UNROLL
  for (int k = 0; k < Depth / 16; ++k) {
    DERMIS_UNROLL
    for (int n = 0; n + 1 < Chunks; n += 2) {
      uint32_t b[4];
      v.b_columns_k16(m, row + 16 * k, first_chunk + n, b);
      m.template mma_k16<E>(o[n], p[k], {b[0], b[1]});
      m.template mma_k16<E>(o[n + 1], p[k], {b[2], b[3]});
    }
    if constexpr (Chunks % 2 == 1) {
      uint32_t b[2];
      v.b_columns_k16(m, row + 16 * k, first_chunk + Chunks - 1, b);
      m.template mma_k16<E>(o[Chunks - 1], p[k], b);
    }
  }
}

// Sums of two neighbouring 8-column fragments, rounded: the A operand of the next product.
template <class E, class M>
DERMIS_DEVICE void as_a_operand(M& m, const float (&left)[4], const float (&right)[4], uint32_t (&a)[4]) {
  a[0] = m.template pack<E>(left[0], left[1]);
  a[1] = m.template pack<E>(left[2], left[3]);
  a[2] = m.template pack<E>(right[0], right[1]);
  a[3] = m.template pack<E>(right[2], right[3]);
}

}  // namespace dermis
