// Forward pass of one block of query rows: for strips of rows, scores against a tile of keys, softmax with a running
// maximum, weights times values. For attention_avx2.cpp and attention_avx512.cpp.
#pragma once

#include "kernels/attention/attention_kernels.h"
#include "kernels/attention/attention_product_inl.h"
#include "kernels/attention/attention_softmax_inl.h"

namespace dermis {
namespace {

// Floats of a transposed key tile and a natural value tile that stay in a 1 MiB second-level cache beside the rows.
constexpr int64_t kForwardTileFloats = 96 * 1024;
constexpr int64_t kMaxForwardKeys = 1024;

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

struct ForwardBlock {
  const AttentionForwardTask* task;
  int64_t rows;                // tokens * group
  float* q;                    // natural panels, multiplied by the query factor
  float* o;                    // natural panels, not yet divided by the sums
  float* s;                    // scores of one strip: [panel of the tile][row][kPanel]
  int64_t *lo, *hi;            // per row, from the segment's first key
  float *max, *sum;            // per row, running
  float** out;                 // per row
  int64_t key_begin, key_end;  // the tile
};

// Scores of one row become weights 2^(x - max); returns what the row's earlier sums are to be multiplied by.
[[gnu::noinline]] float weigh_row(const ForwardBlock& b, float* s, int64_t panel_stride, int64_t row, int64_t first,
                                  int64_t last) {
  const int64_t lo = b.lo[row] - first * kLanes, hi = b.hi[row] - first * kLanes;  // in lanes from s
  const int64_t vectors = last - first;
  const float softcap = b.task->heads.softcap;
  const auto at = [&](int64_t v) { return s + (v >> 1) * panel_stride + (v & 1) * kLanes; };
  Vec top = splat(kMinusInfinity);
  for (int64_t v = 0; v < vectors; ++v) {
    Vec x = load(at(v));
    const bool cut = v * kLanes < lo || (v + 1) * kLanes > hi;
    if (softcap != 0) x = tanh_of(x) * splat(softcap * kLog2E);
    if (cut) x = inside(x, v * kLanes, lo, hi, splat(kMinusInfinity));
    if (cut || softcap != 0) store(at(v), x);
    top = vmax(x, top);
  }
  const float before = b.max[row];
  const float tile_max = max_lanes(top);
  const float max = tile_max > before ? tile_max : before;
  // A row that has seen nothing yet keeps -inf as its maximum; 0 in its place makes its weights 2^-inf = 0, not NaN.
  const Vec shift = splat(max == kMinusInfinity ? 0.0F : max);
  Vec sum = splat(0.0F);
  for (int64_t v = 0; v < vectors; ++v) {
    const Vec p = exp2_of(load(at(v)) - shift);
    store(at(v), p);
    sum = sum + p;
  }
  const float factor = max == before ? 1.0F : max_lanes(exp2_of(splat(before) - shift));
  b.max[row] = max;
  b.sum[row] = b.sum[row] * factor + sum_lanes(sum);
  return factor;
}

template <int M, int NV>
[[gnu::always_inline]] inline void write_rows(const ForwardBlock& b, int64_t row, int64_t d, const Vec (&acc)[M][NV]) {
  const int64_t left = b.task->heads.head_size - d;
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i) {
    const Vec factor = splat(1.0F / b.sum[row + i]);
    float* to = b.out[row + i] + d;
#pragma GCC unroll 2
    for (int n = 0; n < NV; ++n) {
      const int64_t lanes = left - n * kLanes;
      if (lanes >= kLanes) {
        store(to + n * kLanes, acc[i][n] * factor);
      } else if (lanes > 0) {
        store(to + n * kLanes, acc[i][n] * factor, Tail(lanes));
      }
    }
  }
}

// Keys of a tile that a strip of rows sees, and what its earlier sums are worth beside this tile's.
struct StripKeys {
  int64_t begin, end;
  bool first_tile, last_tile;
  const float* factor;  // per row
};

// One panel of output columns: o = o * factor + weights * values.
template <int M, int NV>
[[gnu::noinline]] void weigh_values(const ForwardBlock& b, int64_t row, int64_t d, const StripKeys& keys) {
  float* o = b.o + (d / kPanel * b.rows + row) * kPanel;
  const float* v = b.task->v_natural + d / kPanel * b.task->rows.keys * kPanel;
  const int64_t first_panel = keys.begin / kPanel;
  for (int64_t chain = keys.begin; chain < keys.end;) {
    const int64_t chain_end = chain_end_of(chain, keys.end);
    Vec acc[M][NV];
    clear(acc);
    for (int64_t key = chain; key < chain_end;) {
      const int64_t panel = key / kPanel;
      const int64_t stop = smaller(chain_end, (panel + 1) * kPanel);
      multiply<M, NV, false>(b.s + (panel - first_panel) * M * kPanel + key % kPanel, v + key * kPanel, stop - key,
                             acc);
      key = stop;
    }
    if (chain > keys.begin || !keys.first_tile) {
      const bool rescale = chain == keys.begin;
#pragma GCC unroll 16
      for (int i = 0; i < M; ++i) {
        const Vec factor = splat(rescale ? keys.factor[i] : 1.0F);
#pragma GCC unroll 2
        for (int n = 0; n < NV; ++n) acc[i][n] = fma(load(o + i * kPanel + n * kLanes), factor, acc[i][n]);
      }
    }
    if (chain_end == keys.end && keys.last_tile) {
      write_rows(b, row, d, acc);
    } else {
      store_block(o, acc);
    }
    chain = chain_end;
  }
}

template <int M>
void forward_strip(const ForwardBlock& b, int64_t row) {
  const AttentionForwardTask& task = *b.task;
  const int64_t head_size = task.heads.head_size;
  const int64_t begin = larger(b.lo[row], b.key_begin), end = smaller(b.hi[row + M - 1], b.key_end);
  if (begin >= end) return;
  const int64_t first_panel = begin / kPanel;
  for (int64_t panel = first_panel; panel * kPanel < end; ++panel) {
    float* s = b.s + (panel - first_panel) * M * kPanel;
    const float* k = task.k_transposed + panel * head_size * kPanel;
    if (end - panel * kPanel > kLanes) {
      multiply_over_head<M, 2>(b.q + row * kPanel, b.rows, k, head_size, s);
    } else {
      multiply_over_head<M, 1>(b.q + row * kPanel, b.rows, k, head_size, s);
    }
  }
  float factor[M];
  for (int i = 0; i < M; ++i) {
    factor[i] = weigh_row(b, b.s + i * kPanel, M * kPanel, row + i, first_panel * 2, (end + kLanes - 1) / kLanes);
  }
  const StripKeys keys{begin, end, b.lo[row] >= b.key_begin, b.hi[row + M - 1] <= b.key_end, factor};
  for (int64_t d = 0; d < head_size; d += kPanel) {
    if (head_size - d > kLanes) {
      weigh_values<M, 2>(b, row, d, keys);
    } else {
      weigh_values<M, 1>(b, row, d, keys);
    }
  }
}

using ForwardStrip = void (*)(const ForwardBlock&, int64_t row);
constexpr ForwardStrip kForwardStrips[] = {
    nullptr,          forward_strip<1>, forward_strip<2>, forward_strip<3>,  forward_strip<4>,  forward_strip<5>,
    forward_strip<6>,
#if defined(__AVX512F__)
    forward_strip<7>, forward_strip<8>, forward_strip<9>, forward_strip<10>, forward_strip<11>, forward_strip<12>,
#endif
};

// Keys a tile, so that tiles of one block are about equally long.
inline int64_t tile_keys(int64_t keys, int64_t head_size, int64_t floats, int64_t most) {
  const int64_t fit = larger(kPanel, smaller(most, floats / (2 * panels_of(head_size) * kPanel)));
  const int64_t tiles = (keys + fit - 1) / fit;
  const int64_t each = (keys + tiles - 1) / tiles;
  return panels_of(each) * kPanel;
}

inline int64_t forward_tile_keys(const AttentionForwardTask& t) {
  const int64_t keys = t.rows.hi[t.rows.tokens - 1] - t.rows.lo[0];
  return tile_keys(keys + kPanel, t.heads.head_size, kForwardTileFloats, kMaxForwardKeys);
}

// Natural panels of q and o, a strip of scores; over the rows three arrays of eight bytes and two of four.
int64_t forward_scratch(const AttentionForwardTask& t) {
  const int64_t rows = t.rows.tokens * t.heads.group;
  return 2 * rows * panels_of(t.heads.head_size) * kPanel + kStrip * (forward_tile_keys(t) + kPanel) + 8 * rows;
}

void prepare_rows(const AttentionForwardTask& t, float* scratch, ForwardBlock& b) {
  const int64_t width = panels_of(t.heads.head_size) * kPanel;
  b.task = &t;
  b.rows = t.rows.tokens * t.heads.group;
  b.q = scratch;
  b.o = b.q + b.rows * width;
  b.s = b.o + b.rows * width;
  b.lo = reinterpret_cast<int64_t*>(b.s + kStrip * (forward_tile_keys(t) + kPanel));
  b.hi = b.lo + b.rows;
  b.out = reinterpret_cast<float**>(b.hi + b.rows);
  b.max = reinterpret_cast<float*>(b.out + b.rows);
  b.sum = b.max + b.rows;
  for (int64_t token = 0, row = 0; token < t.rows.tokens; ++token) {
    for (int64_t head = 0; head < t.heads.group; ++head, ++row) {
      b.lo[row] = t.rows.lo[token] - t.rows.key_origin;
      b.hi[row] = t.rows.hi[token] - t.rows.key_origin;
      b.max[row] = kMinusInfinity;
      b.sum[row] = 0;
      b.out[row] = t.o.data + token * t.o.token_stride + head * t.o.head_stride;
    }
  }
  pack_rows(t.rows.q.data, t.rows.q.token_stride, t.rows.q.head_stride, t.rows.tokens, t.heads.group, t.heads.head_size,
            t.heads.query_factor, b.q);
}

void forward(const AttentionForwardTask& t, float* scratch) {
  ForwardBlock b;
  prepare_rows(t, scratch, b);
  const int64_t each = forward_tile_keys(t);
  const int64_t strips = (b.rows + kStrip - 1) / kStrip;
  for (int64_t key = b.lo[0] / kPanel * kPanel; key < b.hi[b.rows - 1]; key += each) {
    b.key_begin = key;
    b.key_end = key + each;
    for (int64_t strip = 0; strip < strips; ++strip) {
      const int64_t row = strip * b.rows / strips;
      kForwardStrips[(strip + 1) * b.rows / strips - row](b, row);
    }
  }
  for (int64_t token = 0, row = 0; token < t.rows.tokens; ++token) {
    for (int64_t head = 0; head < t.heads.group; ++head, ++row) {
      t.statistics.max[head * t.statistics.head_stride + token] = b.max[row];
      t.statistics.sum[head * t.statistics.head_stride + token] = b.sum[row];
    }
  }
}

}  // namespace
}  // namespace dermis
