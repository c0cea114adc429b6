#include "kernels/selftest/selftest_cases.h"

#include <ATen/ATen.h>

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

int64_t between(Random& random, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(random.below(static_cast<uint64_t>(high - low + 1)));
}

at::Tensor normal(Random& random, at::IntArrayRef sizes, double scale = 1) {
  at::Tensor tensor = at::empty(sizes, at::kDouble);
  double* values = tensor.mutable_data_ptr<double>();
  for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = static_cast<float>(scale * random.normal());
  return tensor;
}

std::string shape_text(std::initializer_list<std::pair<const char*, int64_t>> sizes) {
  std::string text;
  for (const auto& [name, size] : sizes) text += (text.empty() ? "" : ", ") + (name + (" " + std::to_string(size)));
  return text;
}

SelftestCase make_rms_norm(Random& random) {
  const int64_t rows = between(random, 1, 300), width = between(random, 4, 520);
  const double offset = random.chance(0.5) ? 1 : 0;
  return {shape_text({{"rows", rows}, {"width", width}}),
          {normal(random, {rows, width}), normal(random, {rows, width}), normal(random, {width})},
          [offset](const TensorList& in) {
            auto [sum, y] = add_rms_norm(in[0], in[1], in[2], kEps, offset);
            return TensorList{sum, y, rms_norm(in[0], in[2], kEps, offset)};
          }};
}

SelftestCase make_layer_norm(Random& random) {
  const int64_t rows = between(random, 1, 300), width = between(random, 8, 520);
  return {
      shape_text({{"rows", rows}, {"width", width}}),
      {normal(random, {rows, width}), normal(random, {rows, width}), normal(random, {width}), normal(random, {width})},
      [](const TensorList& in) {
        auto [sum, y] = add_layer_norm(in[0], in[1], in[2], in[3], kEps);
        return TensorList{sum, y, layer_norm(in[0], in[2], in[3], kEps)};
      }};
}

SelftestCase make_gated_gelu(Random& random) {
  const int64_t rows = between(random, 1, 300), width = between(random, 1, 300);
  return {
      shape_text({{"rows", rows}, {"width", width}}), {normal(random, {rows, 2 * width}, 3)}, [](const TensorList& in) {
        return TensorList{gated_gelu(in[0]), gelu_tanh(in[0])};
      }};
}

SelftestCase make_rope(Random& random) {
  const int64_t rows = between(random, 1, 300), heads = between(random, 1, 8), half = between(random, 1, 70);
  std::vector<int32_t> positions;
  for (int64_t i = 0; i < rows; ++i) positions.push_back(static_cast<int32_t>(random.below(8192)));
  const RopeTable table = rope_table(positions, 2 * half, 10000);
  return {shape_text({{"rows", rows}, {"heads", heads}, {"head size", 2 * half}}),
          {normal(random, {rows, heads, 2 * half})},
          [table](const TensorList& in) { return TensorList{rope(in[0], table)}; }};
}

SelftestCase make_linear(Random& random) {
  const int64_t rows = between(random, 1, 300), in_width = between(random, 1, 300), out_width = between(random, 1, 300);
  return {shape_text({{"rows", rows}, {"in", in_width}, {"out", out_width}}),
          {normal(random, {rows, in_width}), normal(random, {out_width, in_width}), normal(random, {out_width})},
          [](const TensorList& in) { return TensorList{dense(in[0], in[1], in[2])}; }};
}

SelftestCase make_linear_ce(Random& random) {
  const int64_t rows = between(random, 1, 200), width = between(random, 4, 96), vocabulary = between(random, 3, 3000);
  std::vector<int32_t> labels;
  std::vector<float> weights;
  for (int64_t i = 0; i < rows; ++i) {
    labels.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(vocabulary))));
    weights.push_back(static_cast<float>(random.uniform(0, 2)));
  }
  const LinearCeOptions options{.divisor = static_cast<double>(rows), .final_softcap = random.chance(0.3) ? 10.0 : 0.0};
  return {
      shape_text({{"rows", rows}, {"width", width}, {"vocabulary", vocabulary}}),
      {normal(random, {rows, width}), normal(random, {vocabulary, width}, 0.3)},
      [=](const TensorList& in) { return TensorList{linear_cross_entropy(in[0], in[1], labels, weights, options)}; }};
}

SelftestCase make_adamw(Random& random) {
  const int64_t count = between(random, 1, 20000);
  const AdamWSettings settings{.lr = random.uniform(1e-5, 1e-2),
                               .weight_decay = random.uniform(0, 0.2),
                               .gradient_scale = random.uniform(0.1, 1),
                               .step = between(random, 1, 1000)};
  return {
      shape_text({{"parameters", count}, {"step", settings.step}}),
      {normal(random, {count}), normal(random, {count}), normal(random, {count}), normal(random, {count}).square_()},
      [settings](const TensorList& in) {
        const AdamWTensor tensor{in[0].clone(), in[1], in[2].clone(), in[3].clone(), settings};
        adamw_step(std::span(&tensor, 1));
        const std::vector<at::Tensor> gradients{in[1]};
        return TensorList{tensor.parameter, tensor.first_moment, tensor.second_moment,
                          at::scalar_tensor(gradient_norm(gradients), in[1].options())};
      },
      /*differentiable=*/false};
}

SelftestCase make_attention(Random& random) {
  std::vector<int32_t> lengths, prefixes;
  int64_t rows = 0;
  for (int64_t sequences = between(random, 1, 4); sequences > 0; --sequences) {
    lengths.push_back(static_cast<int32_t>(between(random, 1, 80)));
    prefixes.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(lengths.back()) + 1)));
    rows += lengths.back();
  }
  auto visible = std::make_shared<VisibleKeys>(VisibleKeys::packed_prefix_lm(lengths, prefixes));
  if (random.chance(0.3)) *visible = visible->windowed(static_cast<int32_t>(between(random, 1, 64)));
  const int64_t kv_heads = between(random, 1, 2), heads = kv_heads * between(random, 1, 3);
  const int64_t head_size = 8 * between(random, 1, 16);
  const AttentionOptions options{.scale = 0, .softcap = random.chance(0.3) ? 20.0 : 0.0};
  return {shape_text({{"sequences", static_cast<int64_t>(lengths.size())},
                      {"tokens", rows},
                      {"heads", heads},
                      {"key heads", kv_heads},
                      {"head size", head_size}}),
          {normal(random, {rows, heads, head_size}), normal(random, {rows, kv_heads, head_size}),
           normal(random, {rows, kv_heads, head_size})},
          [visible, options](const TensorList& in) {
            return TensorList{attention(in[0], in[1], in[2], visible, options)};
          }};
}

}  // namespace

// Limits: a few units of fp32's last place times the length of the sums that the operator makes.
const std::vector<SelftestOperator>& selftest_table() {
  static const std::vector<SelftestOperator> table{
      {"attention", 5e-5, make_attention},   {"rms_norm", 3e-5, make_rms_norm},
      {"layer_norm", 3e-5, make_layer_norm}, {"rope", 1e-6, make_rope},
      {"gated_gelu", 1e-5, make_gated_gelu}, {"linear", 1e-5, make_linear},
      {"linear_ce", 3e-5, make_linear_ce},   {"adamw", 2e-6, make_adamw}};
  return table;
}

}  // namespace dermis
