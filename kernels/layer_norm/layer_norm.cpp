#include "kernels/layer_norm/layer_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/layer_norm/layer_norm_rows.h"
#include "kernels/operand/operand.h"
#include "kernels/simd/cpu_features.h"
#include "kernels/simd/row_blocks.h"

namespace dermis {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const LayerNormKernels* vector_kernels(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  return is_cpu_fp32(x) && is_cpu_fp32(weight) && is_cpu_fp32(bias) ? choose_kernels(kLayerNormAvx2, kLayerNormAvx512)
                                                                    : nullptr;
}

// From LibTorch operators: fp64, 16-bit types, CUDA. Autograd differentiates it.
at::Tensor composed_layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double eps) {
  const auto wide = statistics_type(x);
  return at::layer_norm(x.to(wide), {x.size(-1)}, weight.to(wide), bias.to(wide), eps).to(x.scalar_type());
}

struct Forward {
  at::Tensor sum, y, mean, inverse_deviation;  // sum is x itself without a residual
};

Forward run_forward(const LayerNormKernels& kernels, const at::Tensor& x, const at::Tensor& residual,
                    const at::Tensor& weight, const at::Tensor& bias, double eps, bool keep_statistics) {
  const int64_t width = x.size(-1), rows = width == 0 ? 0 : x.numel() / width;
  const at::Tensor in = x.contiguous(), other = residual.defined() ? residual.contiguous() : residual;
  const at::Tensor scale = weight.contiguous(), shift = bias.contiguous();
  Forward out;
  out.y = at::empty(x.sizes(), x.options());
  out.sum = residual.defined() ? at::empty(x.sizes(), x.options()) : in;
  if (keep_statistics) {
    out.mean = at::empty({rows}, x.options());
    out.inverse_deviation = at::empty({rows}, x.options());
  }
  const LayerNormForward arguments{in.const_data_ptr<float>(),
                                   fp32_or_null(other),
                                   scale.const_data_ptr<float>(),
                                   shift.const_data_ptr<float>(),
                                   residual.defined() ? out.sum.mutable_data_ptr<float>() : nullptr,
                                   out.y.mutable_data_ptr<float>(),
                                   keep_statistics ? out.mean.mutable_data_ptr<float>() : nullptr,
                                   keep_statistics ? out.inverse_deviation.mutable_data_ptr<float>() : nullptr,
                                   width,
                                   static_cast<float>(eps)};
  for_rows(rows, width, [&](int64_t begin, int64_t end) { kernels.forward(arguments, begin, end); });
  return out;
}

struct LayerNormFunction : torch::autograd::Function<LayerNormFunction> {
  // Returns {y} or {sum, y}.
  static variable_list forward(AutogradContext* ctx, const at::Tensor& x, const std::optional<at::Tensor>& residual,
                               const at::Tensor& weight, const at::Tensor& bias, double eps) {
    Forward out =
        run_forward(*vector_kernels(x, weight, bias), x, residual.value_or(at::Tensor()), weight, bias, eps, true);
    ctx->set_materialize_grads(false);
    ctx->save_for_backward({out.sum, weight, out.mean, out.inverse_deviation});
    if (!residual.has_value()) return {out.y};
    return {out.sum, out.y};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor& sum = saved[0];
    const bool has_residual = grads.size() == 2;
    const at::Tensor grad_sum = has_residual && grads[0].defined() ? grads[0].contiguous() : at::Tensor();
    if (!grads.back().defined()) return {grad_sum, has_residual ? grad_sum : at::Tensor(), {}, {}, {}};
    const at::Tensor grad_y = grads.back().contiguous(), weight = saved[1].contiguous();
    const int64_t width = sum.size(-1), rows = saved[2].numel();
    const size_t weight_index = has_residual ? 2 : 1;  // counts the tensors given
    const bool sums_wanted = ctx->needs_input_grad(weight_index) || ctx->needs_input_grad(weight_index + 1);
    at::Tensor grad_x = at::empty(sum.sizes(), sum.options());
    const LayerNormBackward arguments{sum.const_data_ptr<float>(),      weight.const_data_ptr<float>(),
                                      saved[2].const_data_ptr<float>(), saved[3].const_data_ptr<float>(),
                                      grad_y.const_data_ptr<float>(),   fp32_or_null(grad_sum),
                                      grad_x.mutable_data_ptr<float>(), width};
    const LayerNormKernels& kernels = *choose_kernels(kLayerNormAvx2, kLayerNormAvx512);
    const at::Tensor sums = sums_wanted ? at::empty({2, width}, weight.options()) : at::Tensor();
    for_row_blocks(rows, width, sums_wanted ? 2 * width : 0, sums_wanted ? sums.mutable_data_ptr<float>() : nullptr,
                   [&](int64_t begin, int64_t end, float* partial) {
                     kernels.backward(arguments, begin, end, partial, partial == nullptr ? nullptr : partial + width);
                   });
    return {grad_x,
            has_residual ? grad_x : at::Tensor(),
            sums_wanted ? sums[0] : at::Tensor(),
            sums_wanted ? sums[1] : at::Tensor(),
            {}};
  }
};

void check(const char* op, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  check_operand(x.defined() && x.dim() >= 1 && x.is_floating_point(), op, "x", "floating [..., C]", x);
  check_operand(weight.defined() && weight.dim() == 1 && weight.size(0) == x.size(-1) && weight.device() == x.device(),
                op, "weight", "[C] on the device of x, C the last size of x", weight);
  check_operand(bias.defined() && bias.sizes() == weight.sizes() && bias.device() == x.device(), op, "bias",
                "[C] on the device of x, C the last size of x", bias);
}

}  // namespace

at::Tensor layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double eps) {
  check("layer_norm", x, weight, bias);
  const LayerNormKernels* kernels = vector_kernels(x, weight, bias);
  if (kernels == nullptr) return composed_layer_norm(x, weight, bias, eps);
  if (!needs_gradient({&x, &weight, &bias})) return run_forward(*kernels, x, {}, weight, bias, eps, false).y;
  return LayerNormFunction::apply(x, std::optional<at::Tensor>(), weight, bias, eps)[0];
}

std::pair<at::Tensor, at::Tensor> add_layer_norm(const at::Tensor& x, const at::Tensor& residual,
                                                 const at::Tensor& weight, const at::Tensor& bias, double eps) {
  check("add_layer_norm", x, weight, bias);
  check_operand(residual.defined() && residual.sizes() == x.sizes() && residual.scalar_type() == x.scalar_type(),
                "add_layer_norm", "residual", "shape and type of x", residual);
  const LayerNormKernels* kernels = vector_kernels(x, weight, bias);
  if (kernels == nullptr) {
    at::Tensor sum = x + residual;
    at::Tensor y = composed_layer_norm(sum, weight, bias, eps);
    return {std::move(sum), std::move(y)};
  }
  if (!needs_gradient({&x, &residual, &weight, &bias})) {
    Forward out = run_forward(*kernels, x, residual, weight, bias, eps, false);
    return {std::move(out.sum), std::move(out.y)};
  }
  variable_list out = LayerNormFunction::apply(x, std::optional<at::Tensor>(residual), weight, bias, eps);
  return {std::move(out[0]), std::move(out[1])};
}

}  // namespace dermis
