// Forward pass of one block of query rows: scores against a tile of keys, softmax with a running maximum, weights times
// values. One panel of keys or values meets all strips of rows before the next comes, so that it is read from the
// first-level cache and the rows from the second. For attention_avx2.cpp and attention_avx512.cpp.
#pragma once

#include "kernels/attention/attention_kernels.h"
#include "kernels/attention/attention_product_inl.h"
#include "kernels/attention/attention_softmax_inl.h"

namespace dermis {
namespace {

// Scores of a block against a tile of keys: they stay in the second-level cache beside the rows.
constexpr int64_t kForwardScores = 24 * 1024;

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

struct ForwardBlock {
  const AttentionForwardTask* task;
  int64_t rows;                // tokens * group
  float* q;                    // natural panels, multiplied by the query factor
  float* o;                    // natural panels, not yet divided by the sums
  float* s;                    // scores, then weights: [panel of the tile][row][kPanel]
  int64_t *lo, *hi;            // per row, from the segment's first key
  float *max, *sum, *inverse;  // per row, running; inverse: 1 / sum
  float* factor;               // per row: what its sums before this tile are to be multiplied by
  float** out;                 // per row
  int64_t key_begin, key_end;  // the tile
};

// Keys of the tile that a strip of rows sees, none when end <= begin.
struct KeyRange {
  int64_t begin, end;
  bool meets(int64_t panel) const { return begin < (panel + 1) * kPanel && panel * kPanel < end; }
};

template <typename Block>
inline KeyRange keys_of_strip(const Block& b, int64_t row, int64_t count) {
  return {larger(b.lo[row], b.key_begin), smaller(b.hi[row + count - 1], b.key_end)};
}

// Where scores of (panel, row) lie in a tile: [panel of the tile][row][kPanel].
template <typename Block>
inline int64_t score_at(const Block& b, int64_t panel, int64_t row) {
  return ((panel - b.key_begin / kPanel) * b.rows + row) * kPanel;
}

// Scores of a strip of rows become weights 2^(x - max). What is done once a row is done for all rows of the strip at
// once, a lane each: a strip has no more rows than a register has lanes.
static_assert(kStrip <= kLanes);
[[gnu::noinline]] void weigh_strip(const ForwardBlock& b, int64_t row, int64_t count, KeyRange keys) {
  const int64_t first = keys.begin / kPanel, panel_stride = b.rows * kPanel;
  float* s = b.s + score_at(b, first, row);
  const int64_t vectors = (keys.end - first * kPanel + kLanes - 1) / kLanes;
  // In lanes from the first panel's first key: what every row of the strip sees.
  const int64_t seen_from = b.lo[row + count - 1] - first * kPanel, seen_to = b.hi[row] - first * kPanel;
  const float softcap = b.task->heads.softcap;
  const auto at = [&](int64_t i, int64_t v) { return s + i * kPanel + (v >> 1) * panel_stride + (v & 1) * kLanes; };
  Vec over_lanes[kLanes];
  for (int64_t i = 0; i < kLanes; ++i) over_lanes[i] = splat(kMinusInfinity);
  for (int64_t i = 0; i < count; ++i) {
    Vec top = splat(kMinusInfinity);
    for (int64_t v = 0; v < vectors; ++v) {
      Vec x = load(at(i, v));
      const bool cut = v * kLanes < seen_from || (v + 1) * kLanes > seen_to;
      if (softcap != 0) x = tanh_of(x) * splat(softcap * kLog2E);
      if (cut) {
        const int64_t lo = b.lo[row + i] - first * kPanel, hi = b.hi[row + i] - first * kPanel;
        x = inside(x, v * kLanes, lo, hi, splat(kMinusInfinity));
      }
      if (cut || softcap != 0) store(at(i, v), x);
      top = vmax(x, top);
    }
    over_lanes[i] = top;
  }
  const Tail rows(count);
  const Vec before = load(b.max + row, rows);
  const Vec max = vmax(across_lanes(over_lanes, vmax), before);
  // A row that has seen nothing yet keeps -inf as its maximum; 0 in its place makes its weights 2^-inf = 0, not NaN.
  const Vec shift = select_smaller(max, -kLargestFloat, splat(0.0F), max);
  float shifts[kLanes];
  store(shifts, shift);
  for (int64_t i = 0; i < count; ++i) {
    Vec sum = splat(0.0F);
    for (int64_t v = 0; v < vectors; ++v) {
      const Vec p = exp2_of(load(at(i, v)) - splat(shifts[i]));
      store(at(i, v), p);
      sum = sum + p;
    }
    over_lanes[i] = sum;
  }
  const Vec factor = exp2_of(before - shift);
  const Vec sum = fma(load(b.sum + row, rows), factor, across_lanes(over_lanes, [](Vec x, Vec y) { return x + y; }));
  store(b.factor + row, factor, rows);
  store(b.max + row, max, rows);
  store(b.sum + row, sum, rows);
  store(b.inverse + row, splat(1.0F) / sum, rows);
}

template <int M, int NV>
[[gnu::always_inline]] inline void write_rows(const ForwardBlock& b, int64_t row, int64_t d, const Vec (&acc)[M][NV]) {
  const int64_t left = b.task->heads.head_size - d;
#pragma GCC unroll 16
  for (int i = 0; i < M; ++i) {
    const Vec factor = splat(b.inverse[row + i]);
    float* to = b.out[row + i] + d;
#pragma GCC unroll 2
    for (int n = 0; n < NV; ++n) store_lanes(to + n * kLanes, acc[i][n] * factor, left - n * kLanes);
  }
}

// One panel of output columns: o = o * factor + weights * values.
template <int M, int NV>
[[gnu::noinline]] void weigh_values(const ForwardBlock& b, int64_t row, int64_t d, KeyRange keys) {
  float* o = b.o + (d / kPanel * b.rows + row) * kPanel;
  const float* v = b.task->v_natural + d / kPanel * b.task->rows.keys * kPanel;
  const bool first_tile = b.lo[row] >= b.key_begin, last_tile = b.hi[row + M - 1] <= b.key_end;
  for (int64_t chain = keys.begin; chain < keys.end;) {
    const int64_t chain_end = chain_end_of(chain, keys.end);
    Vec acc[M][NV];
    clear(acc);
    for (int64_t key = chain; key < chain_end;) {
      const int64_t panel = key / kPanel;
      const int64_t stop = smaller(chain_end, (panel + 1) * kPanel);
      multiply<M, NV, false>(b.s + score_at(b, panel, row) + key % kPanel, v + key * kPanel, stop - key, acc);
      key = stop;
    }
    if (chain > keys.begin || !first_tile) {
      const bool rescale = chain == keys.begin;
#pragma GCC unroll 16
      for (int i = 0; i < M; ++i) {
        const Vec factor = splat(rescale ? b.factor[row + i] : 1.0F);
#pragma GCC unroll 2
        for (int n = 0; n < NV; ++n) acc[i][n] = fma(load(o + i * kPanel + n * kLanes), factor, acc[i][n]);
      }
    }
    if (chain_end == keys.end && last_tile) {
      write_rows(b, row, d, acc);
    } else {
      store_block(o, acc);
    }
    chain = chain_end;
  }
}

// x[rows, D] times the tile's keys (panels of keys_transposed) for all pairs of strip and panel of which a row sees a
// key. Of a panel of which a strip sees the lower half alone, the upper half is left as it was.
template <typename Block>
inline void multiply_by_keys(const Block& b, const float* x, const float* keys_transposed, float* scores) {
  const int64_t head_size = b.task->heads.head_size;
  const int64_t end = smaller(b.key_end, b.hi[b.rows - 1]);
  for (int64_t panel = b.key_begin / kPanel; panel * kPanel < end; ++panel) {
    for_strips(b.rows, [&](int64_t row, int64_t count) {
      const KeyRange keys = keys_of_strip(b, row, count);
      if (!keys.meets(panel)) return;
      const bool wide = keys.end - panel * kPanel > kLanes;
      with_block(count, wide, [&]<int M, int NV>() {
        multiply_over_head<M, NV>(x + row * kPanel, b.rows, keys_transposed + panel * head_size * kPanel, head_size,
                                  scores + score_at(b, panel, row));
      });
    });
  }
}

void forward_tile(const ForwardBlock& b) {
  const int64_t head_size = b.task->heads.head_size;
  multiply_by_keys(b, b.q, b.task->k_transposed, b.s);
  for_strips(b.rows, [&](int64_t first, int64_t count) {
    const KeyRange keys = keys_of_strip(b, first, count);
    if (keys.begin >= keys.end) return;
    for (int64_t row = first; row < first + count; ++row) {
      if (b.hi[row] <= b.key_end) fetch_row<true>(b.out[row], head_size);
    }
    weigh_strip(b, first, count, keys);
  });
  for (int64_t d = 0; d < head_size; d += kPanel) {
    for_strips(b.rows, [&](int64_t row, int64_t count) {
      const KeyRange keys = keys_of_strip(b, row, count);
      if (keys.begin >= keys.end) return;
      with_block(count, head_size - d > kLanes, [&]<int M, int NV>() { weigh_values<M, NV>(b, row, d, keys); });
    });
  }
}

// Keys a tile, whole panels, of keys [begin, end): at most `scores` pairs with the rows, tiles of one block about
// equally long.
inline int64_t tile_keys(int64_t begin, int64_t end, int64_t rows, int64_t scores) {
  const int64_t panels = panels_of(end) - begin / kPanel;
  const int64_t fit = larger(1, scores / (rows * kPanel));
  const int64_t tiles = (panels + fit - 1) / fit;
  return (panels + tiles - 1) / tiles * kPanel;
}

inline int64_t forward_tile_keys(const AttentionForwardTask& t) {
  const int64_t begin = t.rows.lo[0] - t.rows.key_origin, end = t.rows.hi[t.rows.tokens - 1] - t.rows.key_origin;
  return tile_keys(begin, end, t.rows.tokens * t.heads.group, kForwardScores);
}

// Natural panels of q and o, a tile of scores; over the rows three arrays of eight bytes and four of four.
int64_t forward_scratch(const AttentionForwardTask& t) {
  const int64_t rows = t.rows.tokens * t.heads.group;
  return rows * (2 * panels_of(t.heads.head_size) * kPanel + forward_tile_keys(t) + 10);
}

void prepare_rows(const AttentionForwardTask& t, float* scratch, ForwardBlock& b) {
  const int64_t width = panels_of(t.heads.head_size) * kPanel;
  b.task = &t;
  b.rows = t.rows.tokens * t.heads.group;
  b.q = scratch;
  b.o = b.q + b.rows * width;
  b.s = b.o + b.rows * width;
  b.lo = reinterpret_cast<int64_t*>(b.s + b.rows * forward_tile_keys(t));
  b.hi = b.lo + b.rows;
  b.out = reinterpret_cast<float**>(b.hi + b.rows);
  b.max = reinterpret_cast<float*>(b.out + b.rows);
  b.sum = b.max + b.rows;
  b.inverse = b.sum + b.rows;
  b.factor = b.inverse + b.rows;
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
  for (int64_t key = b.lo[0] / kPanel * kPanel; key < b.hi[b.rows - 1]; key += each) {
    b.key_begin = key;
    b.key_end = key + each;
    forward_tile(b);
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
