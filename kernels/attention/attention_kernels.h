// The vector code of attention behind plain pointers, one table an instruction set. Tensors, masks and threads stay
// outside (attention_cpu.cpp).
//
// Panels. A "panel" is kPanel columns (two registers) of a matrix, rows one behind the other:
//   natural     x[rows, D]    -> [ceil(D / panel)][rows][panel]   broadcast operand, or vector operand along D
//   transposed  x[rows, D]    -> [ceil(rows / panel)][D][panel]   vector operand along the rows
// Query rows of the heads that share a key/value head are folded: row m = token * group + head.
#pragma once

#include <cstdint>

namespace dermis {

struct AttentionHeads {
  int64_t head_size;   // D
  int64_t group;       // query heads a key/value head
  float query_factor;  // what queries are multiplied by first: scale * log2(e), or scale / softcap
  float softcap;       // 0: none
};

// Rows of all heads of one group: element d of (token, head) is data[token * token_stride + head * head_stride + d].
struct ConstRows {
  const float* data;
  int64_t token_stride, head_stride;
};
struct MutableRows {
  float* data;
  int64_t token_stride, head_stride;
};

// Query rows [0, tokens) against the keys of their segment. lo and hi count from the segment's first key.
struct AttentionQueries {
  ConstRows q;
  int64_t tokens;
  const int32_t *lo, *hi;
  int32_t key_origin;  // packed index of the segment's first key: lo and hi are on the packed axis
  int64_t keys;        // keys of the segment
};

// Row statistics, token index fastest: max (base-2 logarithm of the largest weight) and the sum of weights below it.
struct AttentionStatistics {
  float *max, *sum;
  int64_t head_stride;
};

struct AttentionForwardTask {
  AttentionHeads heads;
  AttentionQueries rows;
  const float* k_transposed;
  const float* v_natural;
  MutableRows o;
  AttentionStatistics statistics;
};

// Gradients of a segment's keys for one head, from the segment's first key on: what is written is sums times factor.
struct AttentionKeyGradient {
  float* data;
  int64_t row_stride;
  float factor;
};

struct AttentionBackwardTask {
  AttentionHeads heads;
  AttentionQueries rows;
  float scale;           // d score / d (q . k) before the soft-cap
  int64_t block_tokens;  // rows are taken in blocks of so many tokens
  const float *k_natural, *k_transposed, *v_transposed;
  const int32_t *first_row, *last_row;  // per key of the segment: rows [first, last) see it, counted on the packed axis
  int32_t row_origin;                   // packed index of rows' first token
  ConstRows o, grad_o;
  AttentionStatistics statistics;
  MutableRows grad_q;
  int64_t key_begin, key_end;  // what the task's rows see, from a multiple of the panel on
  // A task that has all rows of its segment, in one block, writes gradients of keys. Others have data == nullptr here.
  AttentionKeyGradient grad_k, grad_v;
  // And leave sums over their rows, natural panels of keys [key_begin, key_end); zeroed by the task.
  float *sum_k, *sum_v;
};

// Adds natural panels of keys (part i holds keys [begin[i], end[i]) of the segment) and writes rows
// [row_begin, row_end) of the segment.
struct AttentionKeySums {
  const float* const* parts;
  const int64_t *begin, *end;
  int64_t part_count;
  int64_t head_size;
  AttentionKeyGradient out;
  int64_t row_begin, row_end;
};

struct AttentionKernels {
  int64_t panel;
  int64_t strip;  // rows of one register block
  void (*pack_natural)(const float* x, int64_t row_stride, int64_t rows, int64_t head_size, float* out);
  void (*pack_transposed)(const float* x, int64_t row_stride, int64_t rows, int64_t head_size, float* out);
  int64_t (*forward_scratch)(const AttentionForwardTask&);  // floats
  void (*forward)(const AttentionForwardTask&, float* scratch);
  int64_t (*backward_scratch)(const AttentionBackwardTask&);  // floats
  void (*backward)(const AttentionBackwardTask&, float* scratch);
  void (*write_key_sums)(const AttentionKeySums&);
};

extern const AttentionKernels kAttentionAvx2;
extern const AttentionKernels kAttentionAvx512;

}  // namespace dermis
