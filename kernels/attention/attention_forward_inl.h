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
// Rows of a block: much of what is written and soon read again stays in the first-level cache.
constexpr int64_t kForwardRows = 96;

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

// The scores of a strip of rows that some of them see, a register at a time.
struct StripScores {
  StripScores(const ForwardBlock& b, int64_t row, KeyRange keys)
      : begin(keys.begin / kPanel * kPanel),
        registers((keys.end - begin + kLanes - 1) / kLanes),
        panel_stride(b.rows * kPanel),
        data(b.s + score_at(b, keys.begin / kPanel, row)) {}

  // work(scores, first key) along row i of the strip.
  template <typename Work>
  [[gnu::always_inline]] void of_row(int64_t i, Work work) const {
    float* s = data + i * kPanel;
    int64_t key = begin, left = registers;
    for (; left > 1; left -= 2, s += panel_stride, key += kPanel) {
      work(s, key);
      work(s + kLanes, key + kLanes);
    }
    if (left > 0) work(s, key);
  }

  int64_t begin, registers, panel_stride;
  float* data;
};

// Scores of a strip of rows become weights 2^(x - max). What is done once a row is done for all rows of the strip at
// once, a lane each.
static_assert(kStrip <= kLanes);
template <bool kCapped>
[[gnu::noinline]] void weigh_strip(const ForwardBlock& b, int64_t row, int64_t count, KeyRange keys) {
  const StripScores scores(b, row, keys);
  const int64_t seen_from = b.lo[row + count - 1], seen_to = b.hi[row];  // by all rows of the strip
  const Vec cap = splat(b.task->heads.softcap * kLog2E);
  Vec over_lanes[kLanes];
  for (int64_t i = count; i < kLanes; ++i) over_lanes[i] = splat(0.0F);
  for (int64_t i = 0; i < count; ++i) {
    Vec top = splat(kMinusInfinity);
    scores.of_row(i, [&](float* s, int64_t key) {
      Vec x = load(s);
      const bool cut = key < seen_from || key + kLanes > seen_to;
      if constexpr (kCapped) x = tanh_of(x) * cap;
      if (cut) x = inside(x, key, b.lo[row + i], b.hi[row + i], splat(kMinusInfinity));
      if (cut || kCapped) store(s, x);
      top = vmax(x, top);
    });
    over_lanes[i] = top;
  }
  const Tail rows(count);
  const Vec before = load(b.max + row, rows), max = vmax(across_lanes(over_lanes, vmax), before);
  // A row that has seen nothing yet keeps -inf as its maximum; 0 in its place makes its weights 2^-inf = 0, not NaN.
  const Vec shift = select_smaller(max, -kLargestFloat, splat(0.0F), max);
  float shifts[kLanes];
  store(shifts, shift);
  for (int64_t i = 0; i < count; ++i) {
    Vec sum = splat(0.0F);
    const Vec row_shift = splat(shifts[i]);
    scores.of_row(i, [&](float* s, int64_t) {
      const Vec p = exp2_of(load(s) - row_shift);
      store(s, p);
      sum = sum + p;
    });
    over_lanes[i] = sum;
  }
  const Vec factor = exp2_of(before - shift);
  const Vec sum = fma(load(b.sum + row, rows), factor, across_lanes(over_lanes, add));
  store(b.max + row, max, rows);
  store(b.factor + row, factor, rows);
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
  const bool capped = b.task->heads.softcap != 0;
  for_strips(b.rows, [&](int64_t first, int64_t count) {
    const KeyRange keys = keys_of_strip(b, first, count);
    if (keys.begin >= keys.end) return;
    for (int64_t row = first; row < first + count; ++row) {
      if (b.hi[row] <= b.key_end) fetch_row<true>(b.out[row], head_size);
    }
    capped ? weigh_strip<true>(b, first, count, keys) : weigh_strip<false>(b, first, count, keys);
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

inline int64_t forward_blocks(const AttentionForwardTask& t) {
  const int64_t most = larger(1, kForwardRows / t.heads.group);
  return (t.rows.tokens + most - 1) / most;
}

inline AttentionQueries rows_of(AttentionQueries rows, int64_t token, int64_t tokens) {
  rows.q.data += token * rows.q.token_stride;
  rows.tokens = tokens;
  rows.lo += token;
  rows.hi += token;
  return rows;
}

inline AttentionForwardTask block_of(AttentionForwardTask t, int64_t token, int64_t tokens) {
  t.rows = rows_of(t.rows, token, tokens);
  t.o.data += token * t.o.token_stride;
  t.statistics.max += token;
  t.statistics.sum += token;
  return t;
}

// Of the largest block: natural panels of q and o, a tile of scores; over the rows three arrays of eight bytes and four
// of four.
int64_t forward_scratch(const AttentionForwardTask& t) {
  const int64_t blocks = forward_blocks(t);
  const int64_t rows = (t.rows.tokens + blocks - 1) / blocks * t.heads.group;
  return rows * (2 * panels_of(t.heads.head_size) * kPanel + 10) + larger(kForwardScores, rows * kPanel);
}

// Per folded row: the keys that it sees, from the segment's first, and where its result goes.
inline void place_rows(const AttentionQueries& rows, const MutableRows& out, int64_t group, int64_t* lo, int64_t* hi,
                       float** to) {
  for (int64_t token = 0, row = 0; token < rows.tokens; ++token) {
    const int64_t from = rows.lo[token] - rows.key_origin, end = rows.hi[token] - rows.key_origin;
    float* place = out.data + token * out.token_stride;
    for (int64_t head = 0; head < group; ++head, ++row, place += out.head_stride) {
      lo[row] = from;
      hi[row] = end;
      to[row] = place;
    }
  }
}

[[gnu::noinline]] void prepare_rows(const AttentionForwardTask& t, float* scratch, ForwardBlock& b) {
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
  place_rows(t.rows, t.o, t.heads.group, b.lo, b.hi, b.out);
  for (int64_t row = 0; row < b.rows; ++row) b.max[row] = kMinusInfinity;
  for (int64_t row = 0; row < b.rows; ++row) b.sum[row] = 0;
  pack_rows(t.rows.q, t.rows.tokens, t.heads.group, t.heads.head_size, t.heads.query_factor, b.q);
}

[[gnu::noinline]] void write_statistics(const ForwardBlock& b) {
  const AttentionForwardTask& t = *b.task;
  const int64_t group = t.heads.group;
  for (int64_t head = 0; head < group; ++head) {
    float *max = t.statistics.max + head * t.statistics.head_stride, *sum = t.statistics.sum + (max - t.statistics.max);
    for (int64_t token = 0; token < t.rows.tokens; ++token) max[token] = b.max[token * group + head];
    for (int64_t token = 0; token < t.rows.tokens; ++token) sum[token] = b.sum[token * group + head];
  }
}

[[gnu::noinline]] void forward_block(const AttentionForwardTask& t, float* scratch) {
  ForwardBlock b;
  prepare_rows(t, scratch, b);
  const int64_t each = forward_tile_keys(t);
  for (int64_t key = b.lo[0] / kPanel * kPanel; key < b.hi[b.rows - 1]; key += each) {
    b.key_begin = key;
    b.key_end = key + each;
    forward_tile(b);
  }
  write_statistics(b);
}

void forward(const AttentionForwardTask& t, float* scratch) {
  const int64_t blocks = forward_blocks(t);
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t begin = i * t.rows.tokens / blocks, end = (i + 1) * t.rows.tokens / blocks;
    forward_block(block_of(t, begin, end - begin), scratch);
  }
}

}  // namespace
}  // namespace dermis
