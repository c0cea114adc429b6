#include "kernels/selftest/selftest_cases.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <memory>

#include "kernels/adamw/adamw.h"
#include "kernels/attention/attention.h"
#include "kernels/gated_gelu/gated_gelu.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/linear/linear.h"
#include "kernels/linear_ce/linear_ce.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rope/rope.h"

namespace dermis {
namespace {

using TensorList = std::vector<at::Tensor>;

constexpr double kEps = 1e-6;

at::Tensor normal(SelftestDraw& draw, at::IntArrayRef sizes, double scale = 1) {
  at::Tensor tensor = at::empty(sizes, at::kDouble);
  double* values = tensor.mutable_data_ptr<double>();
  for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = static_cast<float>(scale * draw.random.normal());
  return tensor;
}

std::string shape_text(std::initializer_list<std::pair<const char*, int64_t>> sizes) {
  std::string text;
  for (const auto& [name, size] : sizes) text += (text.empty() ? "" : ", ") + (name + (" " + std::to_string(size)));
  return text;
}

SelftestCase make_rms_norm(SelftestDraw& draw) {
  const int64_t rows = draw.between(1, 300), width = draw.between(4, 520);
  const double offset = draw.chance(0.5) ? 1 : 0;
  return {shape_text({{"rows", rows}, {"width", width}}),
          {normal(draw, {rows, width}), normal(draw, {rows, width}), normal(draw, {width})},
          [offset](const TensorList& in) {
            auto [sum, y] = add_rms_norm(in[0], in[1], in[2], kEps, offset);
            return TensorList{sum, y, rms_norm(in[0], in[2], kEps, offset)};
          }};
}

SelftestCase make_layer_norm(SelftestDraw& draw) {
  const int64_t rows = draw.between(1, 300), width = draw.between(8, 520);
  return {shape_text({{"rows", rows}, {"width", width}}),
          {normal(draw, {rows, width}), normal(draw, {rows, width}), normal(draw, {width}), normal(draw, {width})},
          [](const TensorList& in) {
            auto [sum, y] = add_layer_norm(in[0], in[1], in[2], in[3], kEps);
            return TensorList{sum, y, layer_norm(in[0], in[2], in[3], kEps)};
          }};
}

SelftestCase make_gated_gelu(SelftestDraw& draw) {
  const int64_t rows = draw.between(1, 300), width = draw.between(1, 300);
  return {
      shape_text({{"rows", rows}, {"width", width}}), {normal(draw, {rows, 2 * width}, 3)}, [](const TensorList& in) {
        return TensorList{gated_gelu(in[0]), gelu_tanh(in[0])};
      }};
}

SelftestCase make_rope(SelftestDraw& draw) {
  const int64_t rows = draw.between(1, 300), heads = draw.between(1, 8), half = draw.between(1, 70);
  std::vector<int32_t> positions;
  for (int64_t i = 0; i < rows; ++i) positions.push_back(static_cast<int32_t>(draw.random.below(8192)));
  const RopeTable table = rope_table(positions, 2 * half, 10000);
  return {shape_text({{"rows", rows}, {"heads", heads}, {"head size", 2 * half}}),
          {normal(draw, {rows, heads, 2 * half})},
          [table](const TensorList& in) { return TensorList{rope(in[0], table)}; }};
}

SelftestCase make_linear(SelftestDraw& draw) {
  const int64_t rows = draw.between(1, 300), in_width = draw.between(1, 300), out_width = draw.between(1, 300);
  return {shape_text({{"rows", rows}, {"in", in_width}, {"out", out_width}}),
          {normal(draw, {rows, in_width}), normal(draw, {out_width, in_width}), normal(draw, {out_width})},
          [](const TensorList& in) { return TensorList{dense(in[0], in[1], in[2])}; }};
}

SelftestCase make_linear_ce(SelftestDraw& draw) {
  const int64_t rows = draw.between(1, 200), width = draw.between(4, 96), vocabulary = draw.between(3, 3000);
  std::vector<int32_t> labels;
  std::vector<float> weights;
  for (int64_t i = 0; i < rows; ++i) {
    labels.push_back(static_cast<int32_t>(draw.random.below(static_cast<uint64_t>(vocabulary))));
    weights.push_back(static_cast<float>(draw.random.uniform(0, 2)));
  }
  const LinearCeOptions options{.divisor = static_cast<double>(rows), .final_softcap = draw.chance(0.3) ? 10.0 : 0.0};
  return {
      shape_text({{"rows", rows}, {"width", width}, {"vocabulary", vocabulary}}),
      {normal(draw, {rows, width}), normal(draw, {vocabulary, width}, 0.3)},
      [=](const TensorList& in) { return TensorList{linear_cross_entropy(in[0], in[1], labels, weights, options)}; }};
}

SelftestCase make_adamw(SelftestDraw& draw) {
  const int64_t count = draw.between(1, 20000);
  const AdamWSettings settings{.lr = draw.random.uniform(1e-5, 1e-2),
                               .weight_decay = draw.random.uniform(0, 0.2),
                               .gradient_scale = draw.random.uniform(0.1, 1),
                               .step = draw.between(1, 1000)};
  return {shape_text({{"parameters", count}, {"step", settings.step}}),
          {normal(draw, {count}), normal(draw, {count}), normal(draw, {count}), normal(draw, {count}).square_()},
          [settings](const TensorList& in) {
            const AdamWTensor tensor{in[0].clone(), in[1], in[2].clone(), in[3].clone(), settings};
            adamw_step(std::span(&tensor, 1));
            const std::vector<at::Tensor> gradients{in[1]};
            return TensorList{tensor.parameter, tensor.first_moment, tensor.second_moment,
                              at::scalar_tensor(gradient_norm(gradients), in[1].options())};
          },
          /*differentiable=*/false};
}

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

SelftestCase make_attention(SelftestDraw& draw) {
  constexpr int64_t kGpuSizes[] = {64, 72, 128, 256};
  const auto visible = std::make_shared<const VisibleKeys>(draw_mask(draw));
  const int64_t kv_heads = draw.between(1, 2), heads = kv_heads * draw.between(1, 3);
  const bool for_gpu = draw.chance(0.6);
  const int64_t head_size = for_gpu ? kGpuSizes[draw.random.below(4)] : 8 * draw.between(1, 16);
  const AttentionOptions options{.scale = 0, .softcap = draw.chance(0.3) ? 20.0 : 0.0};
  const int64_t rows = visible->row_count(), keys = visible->key_count();
  return {
      shape_text({{"rows", rows},
                  {"keys", keys},
                  {"visible pairs", visible->area()},
                  {"heads", heads},
                  {"key heads", kv_heads},
                  {"head size", head_size}}) +
          (options.softcap > 0 ? ", soft-cap" : ""),
      {normal(draw, {rows, heads, head_size}), normal(draw, {keys, kv_heads, head_size}),
       normal(draw, {keys, kv_heads, head_size})},
      [visible, options](const TensorList& in) { return TensorList{attention(in[0], in[1], in[2], visible, options)}; },
      /*differentiable=*/true,
      for_gpu};
}

}  // namespace

int64_t SelftestDraw::between(int64_t low, int64_t high) {
  const int64_t drawn = low + static_cast<int64_t>(random.below(static_cast<uint64_t>(high - low + 1)));
  return std::max(low, drawn >> halvings);
}

// Limits: a few units of fp32's last place times the length of the sums that the operator makes.
const std::vector<SelftestOperator>& selftest_table() {
  static const std::vector<SelftestOperator> table{
      {"attention", 5e-5, make_attention},   {"rms_norm", 3e-5, make_rms_norm},
      {"layer_norm", 3e-5, make_layer_norm}, {"rope", 1e-6, make_rope},
      {"gated_gelu", 1e-5, make_gated_gelu}, {"linear", 1e-5, make_linear},
      {"linear_ce", 3e-5, make_linear_ce},   {"adamw", 2e-6, make_adamw, /*halves=*/false}};
  return table;
}

}  // namespace dermis
