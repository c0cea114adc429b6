#include <algorithm>
#include <memory>

#include "kernels/attention/attention.h"
#include "kernels/selftest/selftest_makers.h"

namespace dermis {
namespace {

using TensorList = std::vector<at::Tensor>;

// Packed sequences under one of the masks of vision-language models.
VisibleKeys draw_mask(SelftestDraw& draw) {
  std::vector<int32_t> lengths, rows, prefixes;
  std::vector<KeyBlock> blocks;
  const int64_t kind = draw.between(0, 3);
  int32_t offset = 0;
  for (int64_t sequences = draw.between(1, 4); sequences > 0; --sequences) {
    const auto length = static_cast<int32_t>(draw.between(1, 80));
    lengths.push_back(length);
    rows.push_back(static_cast<int32_t>(draw.between(0, length)));
    prefixes.push_back(static_cast<int32_t>(draw.between(0, length)));
    if (prefixes.back() > 0) blocks.push_back({offset, offset + prefixes.back()});
    offset += length;
  }
  const auto window = static_cast<int32_t>(draw.between(1, 64));
  switch (kind) {
    case 0: return VisibleKeys::packed_cached(rows, lengths);
    case 1: return VisibleKeys::packed_blocks(lengths, lengths, blocks, window);
    case 2: return VisibleKeys::packed_causal(lengths).windowed(window);
    default: return VisibleKeys::packed_prefix_lm(lengths, prefixes);
  }
}

VisibleKeys draw_decoding_step(SelftestDraw& draw) {
  std::vector<int32_t> rows, lengths;
  for (int64_t sequences = draw.between(1, 4); sequences > 0; --sequences) {
    rows.push_back(1);
    lengths.push_back(static_cast<int32_t>(draw.between(1, draw.chance(0.3) ? 1500 : 200)));
  }
  const bool in_window = draw.chance(0.5);
  const auto window = static_cast<int32_t>(draw.between(1, 300));
  const VisibleKeys whole = VisibleKeys::packed_cached(rows, lengths);
  return in_window ? whole.windowed(window) : whole;
}

struct Heads {
  int64_t query, key, size;
};

SelftestCase attention_case(SelftestDraw& draw, const VisibleKeys& mask, const Heads& heads) {
  const auto visible = std::make_shared<const VisibleKeys>(mask);
  const AttentionOptions options{.scale = 0, .softcap = draw.chance(0.3) ? 20.0 : 0.0};
  const int64_t rows = visible->row_count(), keys = visible->key_count();
  return {selftest_shape({{"rows", rows},
                          {"keys", keys},
                          {"visible pairs", visible->area()},
                          {"heads", heads.query},
                          {"key heads", heads.key},
                          {"head size", heads.size}}) +
              (options.softcap > 0 ? ", soft-cap" : ""),
          {selftest_normal(draw, {rows, heads.query, heads.size}), selftest_normal(draw, {keys, heads.key, heads.size}),
           selftest_normal(draw, {keys, heads.key, heads.size})},
          [visible, options](const TensorList& in) {
            return TensorList{attention(in[0], in[1], in[2], visible, options)};
          }};
}

}  // namespace

int64_t selftest_gpu_head_size(SelftestDraw& draw) {
  constexpr int64_t kSizes[] = {64, 72, 128, 256};
  return kSizes[draw.random.below(4)];
}

SelftestCase make_attention_case(SelftestDraw& draw) {
  const VisibleKeys mask = draw_mask(draw);
  const int64_t kv_heads = draw.between(1, 2), heads = kv_heads * draw.between(1, 3);
  const bool for_gpu = draw.chance(0.6);
  const int64_t head_size = for_gpu ? selftest_gpu_head_size(draw) : 8 * draw.between(1, 16);
  SelftestCase test = attention_case(draw, mask, {heads, kv_heads, head_size});
  test.for_gpu_halves = for_gpu;
  return test;
}

SelftestCase make_attention_step_case(SelftestDraw& draw) {
  const VisibleKeys step = draw_decoding_step(draw);
  const int64_t kv_heads = draw.between(1, 2), heads = kv_heads * draw.between(1, 8);
  SelftestCase test = attention_case(draw, step, {heads, kv_heads, selftest_gpu_head_size(draw)});
  test.differentiable = false;
  return test;
}

}  // namespace dermis
