#include "kernels/layer_norm/layer_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/cuda/cuda_rows.h"
#include "kernels/layer_norm/layer_norm_cuda.h"
#include "kernels/layer_norm/layer_norm_rows.h"
#include "kernels/operand/operand.h"
#include "kernels/simd/cpu_features.h"
#include "kernels/simd/row_blocks.h"

namespace dermis {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr const char *kName = "layer_norm", *kBackward = "layer_norm, backward";

Backend<LayerNormKernels> backend_of(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  if (const CudaModule* module = cuda_kernels_for(kName, x); module != nullptr) return {.cuda = module};
  const bool fits = is_cpu_fp32(x) && is_cpu_fp32(weight) && is_cpu_fp32(bias);
  return {.cpu = fits ? choose_kernels(kLayerNormAvx2, kLayerNormAvx512) : nullptr};
}

// From LibTorch operators: fp64, 16-bit types on the CPU. Autograd differentiates it.
at::Tensor composed_layer_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, double eps) {
  const auto wide = statistics_type(x);
  return at::layer_norm(x.to(wide), {x.size(-1)}, weight.to(wide), bias.to(wide), eps).to(x.scalar_type());
}

struct Forward {
  at::Tensor sum, y, mean, inverse_deviation;  // sum is x itself without a residual
};

void launch_forward(const CudaModule& module, const Forward& out, const at::Tensor& x, const at::Tensor& residual,
                    const at::Tensor& weight, const at::Tensor& bias, double eps) {
  const int64_t width = x.size(-1);
  const LayerNormForwardParams params{.type = element_type(x),
                                      .weight_type = element_type(weight),
                                      .x = input_rows(x),
                                      .residual = input_rows(residual),
                                      .weight = weight.const_data_ptr(),
                                      .bias = bias.const_data_ptr(),
                                      .sum = residual.defined() ? output_rows(out.sum) : OutputRows{},
                                      .y = output_rows(out.y),
                                      .mean = fp32_output(out.mean),
                                      .inverse_deviation = fp32_output(out.inverse_deviation),
                                      .rows = width == 0 ? 0 : x.numel() / width,
                                      .width = static_cast<int32_t>(width),
                                      .eps = static_cast<float>(eps)};
  launch_kernel(module, kName, x, [&](void* stream) { return module.entries->layer_norm_forward(params, stream); });
}

Forward run_forward(const Backend<LayerNormKernels>& backend, const at::Tensor& x, const at::Tensor& residual,
                    const at::Tensor& weight, const at::Tensor& bias, double eps, bool keep_statistics) {
  const int64_t width = x.size(-1), rows = width == 0 ? 0 : x.numel() / width;
  if (backend.cuda != nullptr) check_team_row(kName, x);
  const at::Tensor in = device_contiguous(kName, x), other = device_contiguous(kName, residual);
  const at::Tensor scale = device_contiguous(kName, weight);
  const at::Tensor shift =
      naming_lack_of_memory(kName, bias, [&] { return bias.to(weight.scalar_type()).contiguous(); });
  Forward out;
  out.y = device_empty(kName, x.sizes(), x.options());
  out.sum = residual.defined() ? device_empty(kName, x.sizes(), x.options()) : in;
  if (keep_statistics) {
    out.mean = device_empty(kName, {rows}, x.options().dtype(at::kFloat));
    out.inverse_deviation = device_empty(kName, {rows}, x.options().dtype(at::kFloat));
  }
  if (backend.cuda != nullptr) {
    launch_forward(*backend.cuda, out, in, other, scale, shift, eps);
    return out;
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
  for_rows(rows, width, [&](int64_t begin, int64_t end) { backend.cpu->forward(arguments, begin, end); });
  return out;
}

void launch_backward(const CudaModule& module, const at::Tensor& sum, const at::Tensor& weight, const at::Tensor& mean,
                     const at::Tensor& inverse_deviation, const at::Tensor& grad_y, const at::Tensor& grad_sum,
                     const at::Tensor& grad_x, const at::Tensor& grad_weight, const at::Tensor& grad_bias) {
  const int64_t width = sum.size(-1), rows = mean.numel();
  const at::Tensor partials = grad_weight.defined()
                                  ? device_empty(kBackward, {2, partial_rows(rows, width), width}, mean.options())
                                  : at::Tensor();
  const LayerNormBackwardParams params{.type = element_type(sum),
                                       .weight_type = element_type(weight),
                                       .s = input_rows(sum),
                                       .grad_y = input_rows(grad_y),
                                       .grad_sum = input_rows(grad_sum),
                                       .weight = weight.const_data_ptr(),
                                       .mean = mean.const_data_ptr<float>(),
                                       .inverse_deviation = inverse_deviation.const_data_ptr<float>(),
                                       .grad_x = output_rows(grad_x),
                                       .grad_weight = any_output(grad_weight),
                                       .grad_bias = any_output(grad_bias),
                                       .partials = fp32_output(partials),
                                       .rows = rows,
                                       .width = static_cast<int32_t>(width)};
  launch_kernel(module, kBackward, sum,
                [&](void* stream) { return module.entries->layer_norm_backward(params, stream); });
}

struct LayerNormFunction : torch::autograd::Function<LayerNormFunction> {
  // Returns {y} or {sum, y}.
  static variable_list forward(AutogradContext* ctx, const at::Tensor& x, const std::optional<at::Tensor>& residual,
                               const at::Tensor& weight, const at::Tensor& bias,
                               const Backend<LayerNormKernels>& backend, double eps) {
    Forward out = run_forward(backend, x, residual.value_or(at::Tensor()), weight, bias, eps, true);
    ctx->saved_data["module"] = module_number(backend.cuda);
    ctx->set_materialize_grads(false);
    ctx->save_for_backward({out.sum, weight, out.mean, out.inverse_deviation});
    if (!residual.has_value()) return {out.y};
    return {out.sum, out.y};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor& sum = saved[0];
    const bool has_residual = grads.size() == 2;
    const at::Tensor grad_sum =
        has_residual && grads[0].defined() ? device_contiguous(kBackward, grads[0]) : at::Tensor();
    if (!grads.back().defined()) return {grad_sum, has_residual ? grad_sum : at::Tensor(), {}, {}, {}, {}};
    const at::Tensor grad_y = device_contiguous(kBackward, grads.back()),
                     weight = device_contiguous(kBackward, saved[1]);
    const int64_t width = sum.size(-1), rows = saved[2].numel();
    const size_t weight_index = has_residual ? 2 : 1;  // counts the tensors given
    const bool sums_wanted = ctx->needs_input_grad(weight_index) || ctx->needs_input_grad(weight_index + 1);
    at::Tensor grad_x = device_empty(kBackward, sum.sizes(), sum.options());
    const at::Tensor sums = sums_wanted ? device_empty(kBackward, {2, width}, weight.options()) : at::Tensor();
    const at::Tensor grad_weight = sums_wanted ? sums[0] : at::Tensor(),
                     grad_bias = sums_wanted ? sums[1] : at::Tensor();
    const variable_list results{grad_x, has_residual ? grad_x : at::Tensor(), grad_weight, grad_bias, {}, {}};
    if (const CudaModule* module = module_of_number(ctx->saved_data["module"].toInt()); module != nullptr) {
      launch_backward(*module, sum, weight, saved[2], saved[3], grad_y, grad_sum, grad_x, grad_weight, grad_bias);
      return results;
    }
    const LayerNormBackward arguments{sum.const_data_ptr<float>(),      weight.const_data_ptr<float>(),
                                      saved[2].const_data_ptr<float>(), saved[3].const_data_ptr<float>(),
                                      grad_y.const_data_ptr<float>(),   fp32_or_null(grad_sum),
                                      grad_x.mutable_data_ptr<float>(), width};
    const LayerNormKernels& kernels = *choose_kernels(kLayerNormAvx2, kLayerNormAvx512);
    for_row_blocks(rows, width, sums_wanted ? 2 * width : 0, sums_wanted ? sums.mutable_data_ptr<float>() : nullptr,
                   [&](int64_t begin, int64_t end, float* partial) {
                     kernels.backward(arguments, begin, end, partial, partial == nullptr ? nullptr : partial + width);
                   });
    return results;
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
  check(kName, x, weight, bias);
  const Backend<LayerNormKernels> backend = backend_of(x, weight, bias);
  if (!backend) return naming_lack_of_memory(kName, x, [&] { return composed_layer_norm(x, weight, bias, eps); });
  if (!needs_gradient({&x, &weight, &bias})) return run_forward(backend, x, {}, weight, bias, eps, false).y;
  return LayerNormFunction::apply(x, std::optional<at::Tensor>(), weight, bias, backend, eps)[0];
}

std::pair<at::Tensor, at::Tensor> add_layer_norm(const at::Tensor& x, const at::Tensor& residual,
                                                 const at::Tensor& weight, const at::Tensor& bias, double eps) {
  check("add_layer_norm", x, weight, bias);
  check_operand(residual.defined() && residual.sizes() == x.sizes() && residual.scalar_type() == x.scalar_type(),
                "add_layer_norm", "residual", "shape and type of x", residual);
  const Backend<LayerNormKernels> backend = backend_of(x, weight, bias);
  if (!backend) {
    return naming_lack_of_memory(kName, x, [&] {
      at::Tensor sum = x + residual;
      at::Tensor y = composed_layer_norm(sum, weight, bias, eps);
      return std::pair{std::move(sum), std::move(y)};
    });
  }
  if (!needs_gradient({&x, &residual, &weight, &bias})) {
    Forward out = run_forward(backend, x, residual, weight, bias, eps, false);
    return {std::move(out.sum), std::move(out.y)};
  }
  variable_list out = LayerNormFunction::apply(x, std::optional<at::Tensor>(residual), weight, bias, backend, eps);
  return {std::move(out[0]), std::move(out[1])};
}

}  // namespace dermis
