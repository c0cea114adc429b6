// Register-blocked products of panels, and the packing into panels. For attention_avx2.cpp and attention_avx512.cpp.
#pragma once

#include "kernels/attention/attention_kernels.h"
#include "kernels/simd/vec_inl.h"

namespace dermis {
namespace {

constexpr int64_t kPanel = 2 * kLanes;
#if defined(__AVX512F__)
constexpr int kStrip = 12;  // 24 accumulators, two vectors and broadcasts fill 32 registers
#else
constexpr int kStrip = 6;  // 12 accumulators of 16 registers
#endif

inline int64_t panels_of(int64_t n) { return (n + kPanel - 1) / kPanel; }

// acc[i][n] += sum over k of a(i, k) * b[k][n]. b is a panel (rows kPanel apart). a(i, k) is a[i][k] of a panel, or
// a[k][i] when kColumns: the columns of a panel as rows. Four steps a turn of the loop: counting would else take a
// sixth of the instructions that a core can start.
template <int M, int NV, bool kColumns>
[[gnu::always_inline]] inline void multiply(const float* a, const float* b, int64_t steps, Vec (&acc)[M][NV]) {
#pragma GCC unroll 4
  for (int64_t k = 0; k < steps; ++k) {
    Vec bv[NV];
#pragma GCC unroll 2
    for (int n = 0; n < NV; ++n) bv[n] = load(b + n * kLanes);
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i) {
      const Vec x = splat(a[kColumns ? i : i * kPanel]);
#pragma GCC unroll 2
      for (int n = 0; n < NV; ++n) acc[i][n] = fma(x, bv[n], acc[i][n]);
    }
    a += kColumns ? kPanel : 1;
    b += kPanel;
  }
}

template <int M, int NV>
[[gnu::always_inline]] inline void clear(Vec (&acc)[M][NV]) {
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i)
#pragma GCC unroll 2
    for (int n = 0; n < NV; ++n) acc[i][n] = splat(0.0F);
}

template <int M, int NV>
[[gnu::always_inline]] inline void store_block(float* c, const Vec (&acc)[M][NV]) {
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i)
#pragma GCC unroll 2
    for (int n = 0; n < NV; ++n) store(c + i * kPanel + n * kLanes, acc[i][n]);
}

// Products are summed in runs of at most so many terms, and the runs added: fp32 sums of long chains would be less
// exact than those of a blocked matrix product.
constexpr int64_t kChain = 64;

// End of the chain of terms that begins at `begin`: whole panels, and no short chain at the end.
inline int64_t chain_end_of(int64_t begin, int64_t end) {
  const int64_t stop = (begin / kChain + 1) * kChain;
  return end - stop <= kChain / 2 ? end : stop;
}

// acc += c.
template <int M, int NV>
[[gnu::always_inline]] inline void take_block(const float* c, Vec (&acc)[M][NV]) {
  asm volatile("" ::: "memory");  // sums must not be loaded before the product, which needs all registers
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i)
#pragma GCC unroll 2
    for (int n = 0; n < NV; ++n) acc[i][n] = acc[i][n] + load(c + i * kPanel + n * kLanes);
}

// c += acc, or c = acc when `fresh`.
template <int M, int NV>
[[gnu::always_inline]] inline void add_block(float* c, Vec (&acc)[M][NV], bool fresh) {
  if (!fresh) take_block(c, acc);
  store_block(c, acc);
}

// c[M rows, one panel] = a[M, D] b[D, one panel]: a natural panels of `rows` rows each, b one transposed panel.
template <int M, int NV>
[[gnu::noinline]] void multiply_over_head(const float* a, int64_t rows, const float* b, int64_t head_size, float* c) {
  for (int64_t begin = 0; begin < head_size;) {
    const int64_t end = chain_end_of(begin, head_size);
    Vec acc[M][NV];
    clear(acc);
    for (int64_t d = begin; d < end; d += kPanel) {
      const int64_t steps = end - d < kPanel ? end - d : kPanel;
      multiply<M, NV, false>(a, b, steps, acc);
      a += rows * kPanel;
      b += steps * kPanel;
    }
    add_block(c, acc, begin == 0);
    begin = end;
  }
}

// call<M, NV>() for a register block of `count` rows, 1 to kStrip, and two registers (wide) or one: the one place that
// turns the shape of a block into template arguments.
template <int M = kStrip, typename Call>
[[gnu::always_inline]] inline void with_block(int64_t count, bool wide, Call call) {
  if constexpr (M > 1) {
    if (count < M) return with_block<M - 1>(count, wide, call);
  }
  wide ? call.template operator()<M, 2>() : call.template operator()<M, 1>();
}

// work(row, count) for every strip of a block: register blocks of about equally many rows.
template <typename Work>
inline void for_strips(int64_t rows, Work work) {
  const int64_t strips = (rows + kStrip - 1) / kStrip;
  for (int64_t strip = 0; strip < strips; ++strip) {
    const int64_t row = strip * rows / strips;
    work(row, (strip + 1) * rows / strips - row);
  }
}

// The first `size` floats of a row, at most kPanel, times factor; zeros behind them.
[[gnu::always_inline]] inline void copy_panel_row(const float* x, int64_t size, Vec factor, float* out) {
#pragma GCC unroll 2
  for (int n = 0; n < 2; ++n) {
    const int64_t left = size - n * kLanes;
    Vec v = splat(0.0F);
    if (left >= kLanes) {
      v = load(x + n * kLanes);
    } else if (left > 0) {
      v = load(x + n * kLanes, Tail(left));
    }
    store(out + n * kLanes, v * factor);
  }
}

// Stores the first `lanes` lanes: all, some or none.
[[gnu::always_inline]] inline void store_lanes(float* to, Vec v, int64_t lanes) {
  if (lanes >= kLanes) {
    store(to, v);
  } else if (lanes > 0) {
    store(to, v, Tail(lanes));
  }
}

// Asks for the lines of a row, to read or to write it.
template <bool kToWrite>
[[gnu::always_inline]] inline void fetch_row(const float* row, int64_t head_size) {
  constexpr int64_t kLineFloats = 16;
  for (int64_t d = 0; d < head_size; d += kLineFloats) __builtin_prefetch(row + d, kToWrite ? 1 : 0);
}

// At row `at` of `rows`: asks for one some rows ahead. Rows of one head lie far apart in memory, where no hardware
// prefetcher follows.
template <bool kToWrite>
[[gnu::always_inline]] inline void fetch_ahead(const float* row, int64_t stride, int64_t at, int64_t rows,
                                               int64_t head_size) {
  constexpr int64_t kRowsAhead = 12;
  if (at + kRowsAhead < rows) fetch_row<kToWrite>(row + kRowsAhead * stride, head_size);
}

// Natural panels of folded rows (token, head).
[[gnu::noinline]] void pack_rows(const ConstRows& x, int64_t tokens, int64_t group, int64_t head_size, float factor,
                                 float* out) {
  const int64_t token_stride = x.token_stride, head_stride = x.head_stride;
  const Vec f = splat(factor);
  for (int64_t d = 0; d < head_size; d += kPanel) {
    const int64_t size = head_size - d;
    for (int64_t token = 0; token < tokens; ++token) {
      const float* row = x.data + token * token_stride + d;
      for (int64_t head = 0; head < group; ++head, row += head_stride, out += kPanel) {
        if (d == 0) fetch_ahead<false>(row, token_stride, token, tokens, head_size);
        if (size >= kPanel) {
          copy_panel_row(row, kPanel, f, out);
        } else {
          copy_panel_row(row, size, f, out);
        }
      }
    }
  }
}

inline void pack_natural(const float* x, int64_t row_stride, int64_t rows, int64_t head_size, float* out) {
  pack_rows({x, row_stride, 0}, rows, 1, head_size, 1.0F, out);
}

// out[d][r] = rows[r][d] for 8 x 8 floats; out rows kPanel apart.
[[gnu::always_inline]] inline void transpose8(const __m256 (&in)[8], float* out) {
  const __m256 a0 = _mm256_unpacklo_ps(in[0], in[1]), a1 = _mm256_unpackhi_ps(in[0], in[1]);
  const __m256 a2 = _mm256_unpacklo_ps(in[2], in[3]), a3 = _mm256_unpackhi_ps(in[2], in[3]);
  const __m256 a4 = _mm256_unpacklo_ps(in[4], in[5]), a5 = _mm256_unpackhi_ps(in[4], in[5]);
  const __m256 a6 = _mm256_unpacklo_ps(in[6], in[7]), a7 = _mm256_unpackhi_ps(in[6], in[7]);
  const __m256 b0 = _mm256_shuffle_ps(a0, a2, 0x44), b1 = _mm256_shuffle_ps(a0, a2, 0xEE);
  const __m256 b2 = _mm256_shuffle_ps(a1, a3, 0x44), b3 = _mm256_shuffle_ps(a1, a3, 0xEE);
  const __m256 b4 = _mm256_shuffle_ps(a4, a6, 0x44), b5 = _mm256_shuffle_ps(a4, a6, 0xEE);
  const __m256 b6 = _mm256_shuffle_ps(a5, a7, 0x44), b7 = _mm256_shuffle_ps(a5, a7, 0xEE);
  _mm256_storeu_ps(out, _mm256_permute2f128_ps(b0, b4, 0x20));
  _mm256_storeu_ps(out + kPanel, _mm256_permute2f128_ps(b1, b5, 0x20));
  _mm256_storeu_ps(out + 2 * kPanel, _mm256_permute2f128_ps(b2, b6, 0x20));
  _mm256_storeu_ps(out + 3 * kPanel, _mm256_permute2f128_ps(b3, b7, 0x20));
  _mm256_storeu_ps(out + 4 * kPanel, _mm256_permute2f128_ps(b0, b4, 0x31));
  _mm256_storeu_ps(out + 5 * kPanel, _mm256_permute2f128_ps(b1, b5, 0x31));
  _mm256_storeu_ps(out + 6 * kPanel, _mm256_permute2f128_ps(b2, b6, 0x31));
  _mm256_storeu_ps(out + 7 * kPanel, _mm256_permute2f128_ps(b3, b7, 0x31));
}

inline void pack_transposed(const float* x, int64_t row_stride, int64_t rows, int64_t head_size, float* out) {
  for (int64_t first = 0; first < rows; first += kPanel, out += head_size * kPanel) {
    for (int64_t r = 0; r < kPanel; r += 8) {
      const int64_t left = rows - first - r;
      const float* row = x + (first + r) * row_stride;
      for (int64_t i = 0; i < 8; ++i)
        fetch_ahead<false>(row + i * row_stride, row_stride, first + r + i, rows, head_size);
      int64_t d = 0;
      for (; d + 8 <= head_size; d += 8) {
        __m256 in[8];
#pragma GCC unroll 8
        for (int i = 0; i < 8; ++i) in[i] = i < left ? _mm256_loadu_ps(row + i * row_stride + d) : _mm256_setzero_ps();
        transpose8(in, out + d * kPanel + r);
      }
      for (; d < head_size; ++d)
        for (int i = 0; i < 8; ++i) out[d * kPanel + r + i] = i < left ? row[i * row_stride + d] : 0.0F;
    }
  }
}

}  // namespace
}  // namespace dermis
