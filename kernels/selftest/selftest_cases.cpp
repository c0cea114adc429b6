#include "kernels/selftest/selftest_cases.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "kernels/gated_gelu/gated_gelu.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/linear/linear.h"
#include "kernels/linear_ce/linear_ce.h"
#include "kernels/rms_norm/rms_norm.h"
#include "kernels/rope/rope.h"
#include "kernels/selftest/selftest_makers.h"

namespace dermis {
namespace {

using TensorList = std::vector<at::Tensor>;

constexpr double kEps = 1e-6;

SelftestCase make_rms_norm(SelftestDraw& draw) {
  const int64_t rows = draw.between(1, 300), width = draw.between(4, 520);
  const double offset = draw.chance(0.5) ? 1 : 0;
  return {selftest_shape({{"rows", rows}, {"width", width}}),
          {selftest_normal(draw, {rows, width}), selftest_normal(draw, {rows, width}), selftest_normal(draw, {width})},
          [offset](const TensorList& in) {
            auto [sum, y] = add_rms_norm(in[0], in[1], in[2], kEps, offset);
            return TensorList{sum, y, rms_norm(in[0], in[2], kEps, offset)};
          }};
}

SelftestCase make_layer_norm(SelftestDraw& draw) {
  const int64_t rows = draw.between(1, 300), width = draw.between(8, 520);
  return {selftest_shape({{"rows", rows}, {"width", width}}),
          {selftest_normal(draw, {rows, width}), selftest_normal(draw, {rows, width}), selftest_normal(draw, {width}),
           selftest_normal(draw, {width})},
          [](const TensorList& in) {
            auto [sum, y] = add_layer_norm(in[0], in[1], in[2], in[3], kEps);
            return TensorList{sum, y, layer_norm(in[0], in[2], in[3], kEps)};
          }};
}

template <at::Tensor (*kOperator)(const at::Tensor&)>
SelftestCase make_activation(SelftestDraw& draw) {
  const int64_t rows = draw.between(1, 300), width = draw.between(1, 300);
  return {selftest_shape({{"rows", rows}, {"width", width}}),
          {selftest_normal(draw, {rows, 2 * width}, 3)},
          [](const TensorList& in) { return TensorList{kOperator(in[0])}; }};
}

SelftestCase make_rope(SelftestDraw& draw) {
  const int64_t rows = draw.between(1, 300), heads = draw.between(1, 8), half = draw.between(1, 70);
  std::vector<int32_t> positions;
  for (int64_t i = 0; i < rows; ++i) positions.push_back(static_cast<int32_t>(draw.random.below(8192)));
  const RopeTable table = rope_table(positions, 2 * half, 10000);
  return {selftest_shape({{"rows", rows}, {"heads", heads}, {"head size", 2 * half}}),
          {selftest_normal(draw, {rows, heads, 2 * half})},
          [table](const TensorList& in) { return TensorList{rope(in[0], table)}; }};
}

SelftestCase make_linear(SelftestDraw& draw) {
  const int64_t rows = draw.between(1, 300), in_width = draw.between(1, 300), out_width = draw.between(1, 300);
  return {selftest_shape({{"rows", rows}, {"in", in_width}, {"out", out_width}}),
          {selftest_normal(draw, {rows, in_width}), selftest_normal(draw, {out_width, in_width}),
           selftest_normal(draw, {out_width})},
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
      selftest_shape({{"rows", rows}, {"width", width}, {"vocabulary", vocabulary}}),
      {selftest_normal(draw, {rows, width}), selftest_normal(draw, {vocabulary, width}, 0.3)},
      [=](const TensorList& in) { return TensorList{linear_cross_entropy(in[0], in[1], labels, weights, options)}; }};
}

}  // namespace

at::Tensor selftest_normal(SelftestDraw& draw, at::IntArrayRef sizes, double scale) {
  at::Tensor tensor = at::empty(sizes, at::kDouble);
  double* values = tensor.mutable_data_ptr<double>();
  for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = static_cast<float>(scale * draw.random.normal());
  return tensor;
}

std::string selftest_shape(std::initializer_list<std::pair<const char*, int64_t>> sizes) {
  std::string text;
  for (const auto& [name, size] : sizes) text += (text.empty() ? "" : ", ") + (name + (" " + std::to_string(size)));
  return text;
}

int64_t SelftestDraw::between(int64_t low, int64_t high) {
  const int64_t drawn = low + static_cast<int64_t>(random.below(static_cast<uint64_t>(high - low + 1)));
  return std::max(low, drawn >> halvings);
}

// Limits: a few units of fp32's last place times the length of the sums that the operator makes.
const std::vector<SelftestOperator>& selftest_table() {
  static const std::vector<SelftestOperator> table{
      {"attention", 5e-5, make_attention_case},
      {"attention_decode", 5e-5, make_attention_decode_case},
      {"rms_norm", 3e-5, make_rms_norm},
      {"layer_norm", 3e-5, make_layer_norm},
      {"rope", 1e-6, make_rope},
      {"gelu_tanh", 1e-5, make_activation<gelu_tanh>},
      {"gated_gelu", 1e-5, make_activation<gated_gelu>},
      {"gated_silu", 1e-5, make_activation<gated_silu>},
      {"dense", 1e-5, make_linear},
      {"embed_tokens", 1e-5, make_embedding_case},
      {"image_normalise", 2e-6, make_image_normalise_case},
      {"sample_tokens", 1e-5, make_sampling_case, /*bf16=*/true, /*fp16=*/true, /*half_limit=*/1e-5},
      {"linear_cross_entropy", 3e-5, make_linear_ce},
      {"adamw_step", 2e-6, make_adamw_case, /*bf16=*/true, /*fp16=*/false},
      {"gradient_norm", 2e-6, make_gradient_norm_case, /*bf16=*/true, /*fp16=*/true, /*half_limit=*/2e-6}};
  return table;
}

}  // namespace dermis
