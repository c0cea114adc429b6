#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/attention/attention.h"
#include "kernels/attention/attention_decode.h"
#include "kernels/operand/index_tensor.h"
#include "kernels/selftest/selftest_makers.h"

namespace dermis {
namespace {

using TensorList = std::vector<at::Tensor>;

// A cache in which sequences have some tokens each, the last of them queries. Pages that the step does not read have no
// place in the table.
struct CachedStep {
  int64_t tokens = 1;
  std::vector<int32_t> lengths, firsts;  // of each sequence; the first token that is read
  AttentionDecodeOptions options;
  int64_t blocks = 0, rows = 0;      // of the cache
  std::vector<int32_t> block_order;  // of pages; empty: a contiguous cache

  bool paged() const { return !block_order.empty(); }
  int64_t count() const { return static_cast<int64_t>(lengths.size()); }
  int64_t pages_a_sequence() const { return blocks / count(); }
  int32_t block_of(int64_t sequence, int64_t token) const {
    return paged() ? block_order[static_cast<size_t>(sequence * pages_a_sequence() + token / rows)]
                   : static_cast<int32_t>(sequence);
  }
  // What is read of a sequence, as rows of the cache on one axis.
  at::Tensor rows_read(int64_t sequence) const {
    const auto b = static_cast<size_t>(sequence);
    std::vector<int64_t> read;
    for (int64_t token = firsts[b]; token < lengths[b]; ++token)
      read.push_back(block_of(sequence, token) * rows + (paged() ? token % rows : token));
    return index_tensor(read, at::kCPU);
  }
  CachedSequences sequences() const {
    if (!paged()) return CachedSequences::contiguous(lengths);
    const at::Tensor table = at::full({count(), pages_a_sequence()}, -1, at::kInt);
    for (int64_t b = 0; b < count(); ++b) {
      const int64_t last = lengths[static_cast<size_t>(b)] - 1;
      for (int64_t page = firsts[static_cast<size_t>(b)] / rows; page <= last / rows; ++page)
        table[b][page] = block_of(b, page * rows);
    }
    return CachedSequences::paged(lengths, table);
  }
};

CachedStep draw_cached_step(SelftestDraw& draw) {
  CachedStep step;
  if (draw.chance(0.5)) step.tokens = draw.between(2, 4);
  if (draw.chance(0.3)) step.options.softcap = 20;
  const bool in_window = draw.chance(0.5), paged = draw.chance(0.6);
  const auto window = static_cast<int32_t>(draw.between(1, 300));
  if (in_window) step.options.window = window;
  for (int64_t sequences = draw.between(1, 4); sequences > 0; --sequences) {
    const int64_t length = draw.between(step.tokens, draw.chance(0.3) ? 1500 : 200);
    step.lengths.push_back(static_cast<int32_t>(length));
    step.firsts.push_back(in_window ? static_cast<int32_t>(std::max<int64_t>(0, length - step.tokens + 1 - window))
                                    : 0);
  }
  const int64_t longest = *std::max_element(step.lengths.begin(), step.lengths.end());
  step.rows = paged ? kPageTokens : longest + draw.between(0, 3);
  step.blocks = paged ? step.count() * (longest / kPageTokens + 1) : step.count();
  if (!paged) return step;
  step.block_order.resize(static_cast<size_t>(step.blocks));
  std::iota(step.block_order.begin(), step.block_order.end(), 0);
  draw.random.shuffle(step.block_order);
  return step;
}

// What is not read is NaN.
at::Tensor draw_cache(SelftestDraw& draw, const CachedStep& step, int64_t heads, int64_t head_size) {
  const at::Tensor cache = at::full({step.blocks * step.rows, heads, head_size}, NAN, at::kDouble);
  for (int64_t b = 0; b < step.count(); ++b) {
    const at::Tensor rows = step.rows_read(b);
    cache.index_copy_(0, rows, selftest_normal(draw, {rows.size(0), heads, head_size}));
  }
  return cache.view({step.blocks, step.rows, heads, head_size});
}

// Each sequence by itself, by plain loops.
at::Tensor plain_cached_step(const CachedStep& step, const TensorList& in) {
  const at::Tensor o = at::empty_like(in[0]), k = in[1].flatten(0, 1), v = in[2].flatten(0, 1);
  for (int64_t b = 0; b < step.count(); ++b) {
    const at::Tensor rows = step.rows_read(b);
    const auto keys = static_cast<int32_t>(rows.size(0)), tokens = static_cast<int32_t>(step.tokens);
    std::vector<int32_t> lo, hi;
    for (int32_t end = keys - tokens + 1; end <= keys; ++end) {
      lo.push_back(step.options.window > 0 ? std::max(0, end - step.options.window) : 0);
      hi.push_back(end);
    }
    const AttentionReference exact = attention_reference(in[0][b], k.index_select(0, rows), v.index_select(0, rows),
                                                         VisibleKeys(lo, hi, keys), {0, step.options.softcap});
    o[b].copy_(exact.o_THD);
  }
  return o;
}

}  // namespace

SelftestCase make_attention_decode_case(SelftestDraw& draw) {
  if (draw.chance(0.3)) return make_attention_step_case(draw);
  const CachedStep step = draw_cached_step(draw);
  const int64_t kv_heads = draw.between(1, 2), heads = kv_heads * draw.between(1, 8);
  const int64_t head_size = selftest_gpu_head_size(draw);
  const at::Tensor q = selftest_normal(draw, {step.count(), step.tokens, heads, head_size});
  const at::Tensor k = draw_cache(draw, step, kv_heads, head_size), v = draw_cache(draw, step, kv_heads, head_size);
  return {selftest_shape({{"sequences", step.count()},
                          {"tokens of each", step.tokens},
                          {"longest", *std::max_element(step.lengths.begin(), step.lengths.end())},
                          {"window", step.options.window},
                          {"heads", heads},
                          {"key heads", kv_heads},
                          {"head size", head_size}}) +
              (step.paged() ? ", pages" : "") + (step.options.softcap > 0 ? ", soft-cap" : ""),
          {q, k, v},
          [step, sequences = step.sequences()](const TensorList& in) {
            if (in[0].scalar_type() == at::kDouble) return TensorList{plain_cached_step(step, in)};
            return TensorList{attention_decode(in[0], in[1], in[2], sequences, step.options).o_BNHD};
          },
          /*differentiable=*/false};
}

}  // namespace dermis
