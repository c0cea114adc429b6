// Backward pass of a run of query rows. Weights are computed again from scores and the forward pass's row statistics;
// gradients of keys and values are sums over the task's rows in the order of its blocks. For attention_avx2.cpp and
// attention_avx512.cpp.
#pragma once

#include "kernels/attention/attention_forward_inl.h"

namespace dermis {
namespace {

// Weights of a block against a tile of keys; with the score gradients twice as many.
constexpr int64_t kBackwardScores = 24 * 1024;

struct BackwardBlock {
  const AttentionBackwardTask* task;
  int64_t rows;                // of this block: tokens * group
  float *q, *grad_o, *grad_q;  // natural panels
  float *p, *ds;               // weights and score gradients: [panel of the tile][row][kPanel]
  int64_t *lo, *hi;            // per row, from the segment's first key
  float** out;                 // per row: grad_q
  float *max, *inverse, *dot;  // per row: statistics, 1 / sum, sum of o * grad_o
  int64_t key_begin, key_end;  // the tile
};

// Scores of one register of keys, from key `key` on, become weights in rows [first, first + count); products of grad_o
// and values become the gradients of scores before scaling. `cut`: some row does not see all of the keys.
template <bool kCapped>
inline void finish_scores(const BackwardBlock& b, int64_t first, int64_t count, int64_t key, bool cut) {
  const int64_t at = score_at(b, key / kPanel, first) + key % kPanel;
  float *p = b.p + at, *ds = b.ds + at;
  const float softcap = b.task->heads.softcap;
  for (int64_t row = first; row < first + count; ++row, p += kPanel, ds += kPanel) {
    Vec x = load(p), gradient = load(ds) - splat(b.dot[row]);
    if constexpr (kCapped) {
      const Vec t = tanh_of(x);
      x = t * splat(softcap * kLog2E);
      gradient = gradient * fnma(t, t, splat(1.0F));
    }
    if (cut) x = inside(x, key, b.lo[row], b.hi[row], splat(kMinusInfinity));
    const Vec weight = exp2_of(x - splat(b.max[row])) * splat(b.inverse[row]);
    store(p, weight);
    store(ds, zero_where_zero(weight, weight * gradient));
  }
}

// Strips of keys may reach over both halves of a panel.
inline void clear_scores(const BackwardBlock& b, int64_t first, int64_t count, int64_t key) {
  const int64_t at = score_at(b, key / kPanel, first) + key % kPanel;
  for (int64_t i = 0; i < count; ++i) {
    store(b.p + at + i * kPanel, splat(0.0F));
    store(b.ds + at + i * kPanel, splat(0.0F));
  }
}

void score_gradients(const BackwardBlock& b) {
  multiply_by_keys(b, b.q, b.task->k_transposed, b.p);
  multiply_by_keys(b, b.grad_o, b.task->v_transposed, b.ds);
  const bool capped = b.task->heads.softcap != 0;
  for_strips(b.rows, [&](int64_t first, int64_t count) {
    const KeyRange keys = keys_of_strip(b, first, count);
    if (keys.begin >= keys.end) return;
    const int64_t seen_from = b.lo[first + count - 1], seen_to = b.hi[first];  // by all rows of the strip
    const int64_t end = panels_of(keys.end) * kPanel;
    for (int64_t key = keys.begin / kPanel * kPanel; key < end; key += kLanes) {
      const bool cut = key < seen_from || key + kLanes > seen_to;
      if (key >= keys.end) {
        clear_scores(b, first, count, key);
      } else if (capped) {
        finish_scores<true>(b, first, count, key, cut);
      } else {
        finish_scores<false>(b, first, count, key, cut);
      }
    }
  });
}

// One panel of columns of grad_q, from its sums in earlier tiles to what is written after the last.
template <int M, int NV>
[[gnu::noinline]] void query_gradient(const BackwardBlock& b, int64_t row, int64_t d, KeyRange keys) {
  float* grad_q = b.grad_q + (d / kPanel * b.rows + row) * kPanel;
  const float* k = b.task->k_natural + d / kPanel * b.task->rows.keys * kPanel;
  bool fresh = b.lo[row] >= b.key_begin;
  const bool last_tile = b.hi[row + M - 1] <= b.key_end;
  if (last_tile) {
    for (int64_t i = 0; i < M; ++i) fetch_row<true>(b.out[row + i] + d, kPanel);
  }
  for (int64_t chain = keys.begin; chain < keys.end;) {
    const int64_t chain_end = chain_end_of(chain, keys.end);
    Vec acc[M][NV];
    clear(acc);
    for (int64_t key = chain; key < chain_end;) {
      const int64_t panel = key / kPanel;
      const int64_t stop = smaller(chain_end, (panel + 1) * kPanel);
      multiply<M, NV, false>(b.ds + score_at(b, panel, row) + key % kPanel, k + key * kPanel, stop - key, acc);
      key = stop;
    }
    if (!fresh) take_block(grad_q, acc);
    if (chain_end == keys.end && last_tile) {
      const int64_t left = b.task->heads.head_size - d;
      const Vec scale = splat(b.task->scale);
#pragma GCC unroll 16
      for (int i = 0; i < M; ++i)
#pragma GCC unroll 2
        for (int n = 0; n < NV; ++n) store_lanes(b.out[row + i] + d + n * kLanes, acc[i][n] * scale, left - n * kLanes);
    } else {
      store_block(grad_q, acc);
    }
    fresh = false;
    chain = chain_end;
  }
}

void query_gradients(const BackwardBlock& b) {
  const int64_t head_size = b.task->heads.head_size;
  for (int64_t d = 0; d < head_size; d += kPanel) {
    for_strips(b.rows, [&](int64_t row, int64_t count) {
      const KeyRange keys = keys_of_strip(b, row, count);
      if (keys.begin >= keys.end) return;
      with_block(count, head_size - d > kLanes, [&]<int M, int NV>() { query_gradient<M, NV>(b, row, d, keys); });
    });
  }
}

// weights^T rows of M keys and one panel of columns, over `steps` rows of the block: added to `sums` or, when `out` has
// data, written there. `weights`, `sums` and `out` at the first key.
template <int M, int NV>
[[gnu::noinline]] void key_gradient(const float* weights, const float* rows, int64_t steps, float* sums,
                                    const AttentionKeyGradient& out, int64_t lanes) {
  float chains[M * kPanel];
  const bool write = out.data != nullptr;
  const float* row = write ? out.data : sums;  // asked for now, the product hides the way
  for (int64_t i = 0; i < M; ++i, row += write ? out.row_stride : kPanel) fetch_row<true>(row, kPanel);
  if (write) sums = chains;
  bool fresh = write;
  for (int64_t begin = 0; begin < steps;) {
    const int64_t end = chain_end_of(begin, steps);
    Vec acc[M][NV];
    clear(acc);
    multiply<M, NV, true>(weights + begin * kPanel, rows + begin * kPanel, end - begin, acc);
    if (!fresh) take_block(sums, acc);
    if (end == steps && write) {
      const Vec factor = splat(out.factor);
#pragma GCC unroll 16
      for (int i = 0; i < M; ++i)
#pragma GCC unroll 2
        for (int n = 0; n < NV; ++n)
          store_lanes(out.data + i * out.row_stride + n * kLanes, acc[i][n] * factor, lanes - n * kLanes);
    } else {
      store_block(sums, acc);
    }
    fresh = false;
    begin = end;
  }
}

// Rows of the block that see a key between `first` and `last` (inclusive), which are those whose weights are set.
inline void rows_seeing(const BackwardBlock& b, int64_t first, int64_t last, int64_t& begin, int64_t& end) {
  const AttentionBackwardTask& task = *b.task;
  begin = larger(0, (task.first_row[first] - task.row_origin) * task.heads.group);
  end = smaller(b.rows, (task.last_row[last] - task.row_origin) * task.heads.group);
}

// One strip of keys takes its share of both gradients, for every panel of columns.
inline void key_gradients(const BackwardBlock& b, int64_t key, int64_t count, int64_t d) {
  const AttentionBackwardTask& task = *b.task;
  int64_t begin = 0, end = 0;
  rows_seeing(b, key, key + count - 1, begin, end);
  if (begin >= end) return;
  const int64_t keys = task.key_end - task.key_begin;
  const int64_t weights = score_at(b, key / kPanel, begin) + key % kPanel;
  const int64_t rows = (d / kPanel * b.rows + begin) * kPanel;
  const int64_t sums = (d / kPanel * keys + key - task.key_begin) * kPanel;
  const int64_t lanes = task.heads.head_size - d;
  const auto at_key = [&](float* x) { return x == nullptr ? nullptr : x + sums; };
  const auto out = [&](const AttentionKeyGradient& x) {
    return AttentionKeyGradient{x.data == nullptr ? nullptr : x.data + key * x.row_stride + d, x.row_stride, x.factor};
  };
  with_block(count, lanes > kLanes, [&]<int M, int NV>() {
    key_gradient<M, NV>(b.p + weights, b.grad_o + rows, end - begin, at_key(task.sum_v), out(task.grad_v), lanes);
    key_gradient<M, NV>(b.ds + weights, b.q + rows, end - begin, at_key(task.sum_k), out(task.grad_k), lanes);
  });
}

// End of the keys from `key` on whose first rows lie close together: a strip of keys takes all rows that one of them is
// seen by, and the keys behind a prefix are seen by far fewer than those in it.
inline int64_t alike_until(const AttentionBackwardTask& task, int64_t key, int64_t end) {
  const int64_t apart = 2 * kStrip / task.heads.group + 2;
  while (++key < end && task.first_row[key] - task.first_row[key - 1] < apart) {
  }
  return key;
}

void key_gradients_of_tile(const BackwardBlock& b) {
  const AttentionBackwardTask& task = *b.task;
  const int64_t stop = smaller(b.key_end, task.key_end);
  for (int64_t d = 0; d < task.heads.head_size; d += kPanel) {
    for (int64_t from = larger(b.key_begin, task.key_begin), end = from; from < stop; from = end) {
      end = alike_until(task, from, smaller(stop, (from / kPanel + 1) * kPanel));
      for_strips(end - from, [&](int64_t key, int64_t count) { key_gradients(b, from + key, count, d); });
    }
  }
}

inline int64_t backward_blocks(const AttentionBackwardTask& t) {
  return (t.rows.tokens + t.block_tokens - 1) / t.block_tokens;
}

inline AttentionBackwardTask block_of(AttentionBackwardTask t, int64_t token, int64_t tokens) {
  t.rows = rows_of(t.rows, token, tokens);
  t.row_origin += static_cast<int32_t>(token);
  t.o.data += token * t.o.token_stride;
  t.grad_o.data += token * t.grad_o.token_stride;
  t.grad_q.data += token * t.grad_q.token_stride;
  t.statistics.max += token;
  t.statistics.sum += token;
  return t;
}

// Of the largest block: natural panels of q, grad_o and grad_q, two tiles of weights; over the rows three arrays of
// eight bytes, three of four.
int64_t backward_scratch(const AttentionBackwardTask& t) {
  const int64_t blocks = backward_blocks(t), rows = (t.rows.tokens + blocks - 1) / blocks * t.heads.group;
  return rows * (3 * panels_of(t.heads.head_size) * kPanel + 9) + 2 * larger(kBackwardScores, rows * kPanel);
}

inline int64_t backward_tile_keys(const AttentionBackwardTask& t) {
  const int64_t begin = t.rows.lo[0] - t.rows.key_origin, end = t.rows.hi[t.rows.tokens - 1] - t.rows.key_origin;
  return tile_keys(begin, end, t.rows.tokens * t.heads.group, kBackwardScores);
}

// Sums of the lanes of a * b, over `size` numbers.
inline Vec dot_lanes(const float* a, const float* b, int64_t size) {
  Vec sum = splat(0.0F);
  int64_t d = 0;
  for (; d + kLanes <= size; d += kLanes) sum = fma(load(a + d), load(b + d), sum);
  if (d < size) sum = fma(load(a + d, Tail(size - d)), load(b + d, Tail(size - d)), sum);
  return sum;
}

// dot[row] = sum of o * grad_o.
[[gnu::noinline]] void dot_rows(const AttentionBackwardTask& t, float* dot) {
  const int64_t head_size = t.heads.head_size;
  Vec lanes[kLanes];
  for (Vec& sum : lanes) sum = splat(0.0F);
  int64_t row = 0;
  for (int64_t token = 0; token < t.rows.tokens; ++token) {
    const float *o = t.o.data + token * t.o.token_stride, *grad_o = t.grad_o.data + token * t.grad_o.token_stride;
    for (int64_t head = 0; head < t.heads.group; ++head, o += t.o.head_stride, grad_o += t.grad_o.head_stride) {
      fetch_ahead<false>(o, t.o.token_stride, token, t.rows.tokens, head_size);
      fetch_ahead<false>(grad_o, t.grad_o.token_stride, token, t.rows.tokens, head_size);
      lanes[row % kLanes] = dot_lanes(o, grad_o, head_size);
      if (++row % kLanes == 0) store(dot + row - kLanes, across_lanes(lanes, add));
    }
  }
  if (const int64_t left = row % kLanes; left > 0) store(dot + row - left, across_lanes(lanes, add), Tail(left));
}

[[gnu::noinline]] void prepare_block(const AttentionBackwardTask& t, float* scratch, BackwardBlock& b) {
  const int64_t group = t.heads.group, head_size = t.heads.head_size, width = panels_of(head_size) * kPanel;
  b.task = &t;
  b.rows = t.rows.tokens * group;
  b.q = scratch;
  b.grad_o = b.q + b.rows * width;
  b.grad_q = b.grad_o + b.rows * width;
  b.p = b.grad_q + b.rows * width;
  b.ds = b.p + b.rows * backward_tile_keys(t);
  b.lo = reinterpret_cast<int64_t*>(b.ds + b.rows * backward_tile_keys(t));
  b.hi = b.lo + b.rows;
  b.out = reinterpret_cast<float**>(b.hi + b.rows);
  b.max = reinterpret_cast<float*>(b.out + b.rows);
  b.inverse = b.max + b.rows;
  b.dot = b.inverse + b.rows;
  place_rows(t.rows, t.grad_q, group, b.lo, b.hi, b.out);
  for (int64_t head = 0; head < group; ++head) {
    const float *max = t.statistics.max + head * t.statistics.head_stride,
                *sum = t.statistics.sum + head * t.statistics.head_stride;
    for (int64_t token = 0; token < t.rows.tokens; ++token) b.max[token * group + head] = max[token];
    for (int64_t token = 0; token < t.rows.tokens; ++token) b.inverse[token * group + head] = 1.0F / sum[token];
  }
  dot_rows(t, b.dot);
  pack_rows(t.rows.q, t.rows.tokens, group, head_size, t.heads.query_factor, b.q);
  pack_rows(t.grad_o, t.rows.tokens, group, head_size, 1.0F, b.grad_o);
}

[[gnu::noinline]] void backward_block(const AttentionBackwardTask& t, float* scratch) {
  BackwardBlock b;
  prepare_block(t, scratch, b);
  const int64_t each = backward_tile_keys(t);
  for (int64_t key = b.lo[0] / kPanel * kPanel; key < b.hi[b.rows - 1]; key += each) {
    b.key_begin = key;
    b.key_end = key + each;
    score_gradients(b);
    query_gradients(b);
    key_gradients_of_tile(b);
  }
}

void backward(const AttentionBackwardTask& t, float* scratch) {
  if (t.grad_k.data == nullptr) {
    const int64_t sums = panels_of(t.heads.head_size) * (t.key_end - t.key_begin) * kPanel;
    __builtin_memset(t.sum_k, 0, static_cast<uint64_t>(sums) * sizeof(float));
    __builtin_memset(t.sum_v, 0, static_cast<uint64_t>(sums) * sizeof(float));
  }
  const int64_t blocks = backward_blocks(t);
  for (int64_t i = 0; i < blocks; ++i) {
    const int64_t begin = i * t.rows.tokens / blocks, end = (i + 1) * t.rows.tokens / blocks;
    backward_block(block_of(t, begin, end - begin), scratch);
  }
}

void write_key_sums(const AttentionKeySums& sums) {
  for (int64_t key = sums.row_begin; key < sums.row_end; ++key) {
    fetch_ahead<true>(sums.out.data + key * sums.out.row_stride, sums.out.row_stride, key, sums.row_end,
                      sums.head_size);
    for (int64_t d = 0; d < sums.head_size; d += kLanes) {
      Vec total = splat(0.0F);
      for (int64_t i = 0; i < sums.part_count; ++i) {
        if (key < sums.begin[i] || key >= sums.end[i]) continue;
        const int64_t keys = sums.end[i] - sums.begin[i];
        total = total + load(sums.parts[i] + (d / kPanel * keys + key - sums.begin[i]) * kPanel + d % kPanel);
      }
      store_lanes(sums.out.data + key * sums.out.row_stride + d, total * splat(sums.out.factor), sums.head_size - d);
    }
  }
}

}  // namespace
}  // namespace dermis
