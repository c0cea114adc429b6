#include <ATen/ATen.h>
#include <fmt/format.h>

#include "benchmarks/operators/differentiable.h"
#include "benchmarks/operators/rows.h"
#include "kernels/layer_norm/layer_norm.h"
#include "kernels/rms_norm/rms_norm.h"

namespace dermis {
namespace {

constexpr double kEps = 1e-6, kStatistic = 4;  // bytes of a row's fp32 statistic

// As transformers writes Gemma's norm.
at::Tensor gemma_norm(const at::Tensor& x, const at::Tensor& weight) {
  const at::Tensor wide = x.to(at::kFloat);
  const at::Tensor normal = wide * at::rsqrt(wide.square().mean(-1, true) + kEps);
  return (normal * (1.0 + weight.to(at::kFloat))).to(x.scalar_type());
}
at::Tensor aten_rms_norm(const at::Tensor& x, const at::Tensor& weight) {
  return at::rms_norm(x, {x.size(-1)}, weight + 1, kEps);
}

// Operands x and weight; output y.
DifferentiableOperator plain_rms_norm(const OperatorSetting& s) {
  const double rows = static_cast<double>(s.sizes.tokens), width = static_cast<double>(s.sizes.width);
  const double tensor = rows * width * s.element(), weight = width * s.element();
  return {.shape = fmt::format("{} x {}", s.sizes.tokens, s.sizes.width),
          .forward_bytes = 2 * tensor + weight,                           // x, weight; y
          .backward_bytes = 3 * tensor + rows * kStatistic + 2 * weight,  // x, grad_y, 1 / rms, weight; both gradients
          .operands =
              [=] {
                return Tensors{at::randn({s.sizes.tokens, s.sizes.width}, s.options()),
                               at::randn({s.sizes.width}, s.options()) * 0.1};
              },
          .leaves = 2,
          .ours = [](const Tensors& x) { return Tensors{rms_norm(x[0], x[1], kEps)}; },
          .rivals = {{"the formula", [](const Tensors& x) { return Tensors{gemma_norm(x[0], x[1])}; }},
                     {"at::rms_norm", [](const Tensors& x) { return Tensors{aten_rms_norm(x[0], x[1])}; }}},
          .exact = [](const Tensors& x) { return Tensors{gemma_norm(x[0], x[1])}; }};
}

// Operands x, residual and weight; outputs sum and y. The gradient of x is that of the residual.
DifferentiableOperator residual_rms_norm(const OperatorSetting& s) {
  const double rows = static_cast<double>(s.sizes.tokens), width = static_cast<double>(s.sizes.width);
  const double tensor = rows * width * s.element(), weight = width * s.element();
  const auto composed = [](at::Tensor (*norm)(const at::Tensor&, const at::Tensor&)) {
    return [norm](const Tensors& x) {
      const at::Tensor sum = x[0] + x[1];
      return Tensors{sum, norm(sum, x[2])};
    };
  };
  return {
      .shape = fmt::format("{} x {}", s.sizes.tokens, s.sizes.width),
      .forward_bytes = 4 * tensor + weight,                           // x, residual, weight; sum, y
      .backward_bytes = 4 * tensor + rows * kStatistic + 2 * weight,  // sum, gradients of sum and y; grad_x
      .operands =
          [=] {
            return Tensors{at::randn({s.sizes.tokens, s.sizes.width}, s.options()),
                           at::randn({s.sizes.tokens, s.sizes.width}, s.options()),
                           at::randn({s.sizes.width}, s.options()) * 0.1};
          },
      .leaves = 3,
      .ours =
          [](const Tensors& x) {
            const auto [sum, y] = add_rms_norm(x[0], x[1], x[2], kEps);
            return Tensors{sum, y};
          },
      .rivals = {{"add, then the formula", composed(gemma_norm)}, {"add, then at::rms_norm", composed(aten_rms_norm)}},
      .exact = composed(gemma_norm)};
}

// Operands x, weight and bias; output y.
DifferentiableOperator plain_layer_norm(const OperatorSetting& s) {
  const double rows = static_cast<double>(s.sizes.patches), width = static_cast<double>(s.sizes.tower_width);
  const double tensor = rows * width * s.element(), weight = width * s.element();
  const TensorsFunction composed = [](const Tensors& x) {
    return Tensors{at::layer_norm(x[0], {x[0].size(-1)}, x[1], x[2], kEps)};
  };
  return {.shape = fmt::format("{} x {}", s.sizes.patches, s.sizes.tower_width),
          .forward_bytes = 2 * tensor + 2 * weight,                           // x, weight, bias; y
          .backward_bytes = 3 * tensor + 2 * rows * kStatistic + 3 * weight,  // x, grad_y, mean, 1 / deviation, weight
          .operands =
              [=] {
                return Tensors{at::randn({s.sizes.patches, s.sizes.tower_width}, s.options()),
                               at::randn({s.sizes.tower_width}, s.options()),
                               at::randn({s.sizes.tower_width}, s.options())};
              },
          .leaves = 3,
          .ours = [](const Tensors& x) { return Tensors{layer_norm(x[0], x[1], x[2], kEps)}; },
          .rivals = {{"at::layer_norm", composed}},
          .exact = composed};
}

}  // namespace

OperatorRows rms_norm_rows(const OperatorSetting& setting) {
  OperatorRows rows = rows_of("rms_norm", plain_rms_norm(setting), setting);
  for (OperatorRow& row : rows_of("add_rms_norm", residual_rms_norm(setting), setting)) rows.push_back(std::move(row));
  return rows;
}

OperatorRows layer_norm_rows(const OperatorSetting& setting) {
  return rows_of("layer_norm", plain_layer_norm(setting), setting);
}

}  // namespace dermis
