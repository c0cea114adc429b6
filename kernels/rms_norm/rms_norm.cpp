#include "kernels/rms_norm/rms_norm.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/cuda/cuda_rows.h"
#include "kernels/operand/operand.h"
#include "kernels/rms_norm/rms_norm_cuda.h"
#include "kernels/rms_norm/rms_norm_rows.h"
#include "kernels/simd/cpu_features.h"
#include "kernels/simd/row_blocks.h"

namespace dermis {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr const char *kName = "rms_norm", *kBackward = "rms_norm, backward";

Backend<RmsNormKernels> backend_of(const at::Tensor& x, const at::Tensor& weight) {
  if (const CudaModule* module = cuda_kernels_for(kName, x); module != nullptr) return {.cuda = module};
  return {.cpu = is_cpu_fp32(x) && is_cpu_fp32(weight) ? choose_kernels(kRmsNormAvx2, kRmsNormAvx512) : nullptr};
}

// From LibTorch operators: fp64, 16-bit types on the CPU. Autograd differentiates it.
at::Tensor composed_rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, double weight_offset) {
  const auto wide = statistics_type(x);
  const at::Tensor x_wide = x.to(wide);
  const at::Tensor inverse = x_wide.square().mean(-1, true).add(eps).rsqrt();
  return (x_wide * inverse * weight.to(wide).add(weight_offset)).to(x.scalar_type());
}

struct Forward {
  at::Tensor sum, y, inverse_rms;  // sum is x itself without a residual
};

void launch_forward(const CudaModule& module, const Forward& out, const at::Tensor& x, const at::Tensor& residual,
                    const at::Tensor& weight, double eps, double weight_offset) {
  const int64_t width = x.size(-1);
  const RmsNormForwardParams params{.type = element_type(x),
                                    .weight_type = element_type(weight),
                                    .x = input_rows(x),
                                    .residual = input_rows(residual),
                                    .weight = weight.const_data_ptr(),
                                    .sum = residual.defined() ? output_rows(out.sum) : OutputRows{},
                                    .y = output_rows(out.y),
                                    .inverse_rms = fp32_output(out.inverse_rms),
                                    .rows = width == 0 ? 0 : x.numel() / width,
                                    .width = static_cast<int32_t>(width),
                                    .eps = static_cast<float>(eps),
                                    .weight_offset = static_cast<float>(weight_offset)};
  launch_kernel(module, kName, x, [&](void* stream) { return module.entries->rms_norm_forward(params, stream); });
}

Forward run_forward(const Backend<RmsNormKernels>& backend, const at::Tensor& x, const at::Tensor& residual,
                    const at::Tensor& weight, double eps, double weight_offset, bool keep_statistics) {
  const int64_t width = x.size(-1), rows = width == 0 ? 0 : x.numel() / width;
  if (backend.cuda != nullptr) check_team_row(kName, x);
  const at::Tensor in = device_contiguous(kName, x), other = device_contiguous(kName, residual);
  const at::Tensor scale = device_contiguous(kName, weight);
  Forward out;
  out.y = device_empty(kName, x.sizes(), x.options());
  out.sum = residual.defined() ? device_empty(kName, x.sizes(), x.options()) : in;
  if (keep_statistics) out.inverse_rms = device_empty(kName, {rows}, x.options().dtype(at::kFloat));
  if (backend.cuda != nullptr) {
    launch_forward(*backend.cuda, out, in, other, scale, eps, weight_offset);
    return out;
  }
  const RmsNormForward arguments{in.const_data_ptr<float>(),
                                 fp32_or_null(other),
                                 scale.const_data_ptr<float>(),
                                 residual.defined() ? out.sum.mutable_data_ptr<float>() : nullptr,
                                 out.y.mutable_data_ptr<float>(),
                                 keep_statistics ? out.inverse_rms.mutable_data_ptr<float>() : nullptr,
                                 width,
                                 static_cast<float>(eps),
                                 static_cast<float>(weight_offset)};
  for_rows(rows, width, [&](int64_t begin, int64_t end) { backend.cpu->forward(arguments, begin, end); });
  return out;
}

void launch_backward(const CudaModule& module, const at::Tensor& sum, const at::Tensor& weight,
                     const at::Tensor& inverse_rms, const at::Tensor& grad_y, const at::Tensor& grad_sum,
                     const at::Tensor& grad_x, const at::Tensor& grad_weight, double weight_offset) {
  const int64_t width = sum.size(-1), rows = inverse_rms.numel();
  const at::Tensor partials = grad_weight.defined()
                                  ? device_empty(kBackward, {partial_rows(rows, width), width}, inverse_rms.options())
                                  : at::Tensor();
  const RmsNormBackwardParams params{.type = element_type(sum),
                                     .weight_type = element_type(weight),
                                     .s = input_rows(sum),
                                     .grad_y = input_rows(grad_y),
                                     .grad_sum = input_rows(grad_sum),
                                     .weight = weight.const_data_ptr(),
                                     .inverse_rms = inverse_rms.const_data_ptr<float>(),
                                     .grad_x = output_rows(grad_x),
                                     .grad_weight = any_output(grad_weight),
                                     .partials = fp32_output(partials),
                                     .rows = rows,
                                     .width = static_cast<int32_t>(width),
                                     .weight_offset = static_cast<float>(weight_offset)};
  launch_kernel(module, kBackward, sum,
                [&](void* stream) { return module.entries->rms_norm_backward(params, stream); });
}

struct RmsNormFunction : torch::autograd::Function<RmsNormFunction> {
  // Returns {y} or {sum, y}.
  static variable_list forward(AutogradContext* ctx, const at::Tensor& x, const std::optional<at::Tensor>& residual,
                               const at::Tensor& weight, const Backend<RmsNormKernels>& backend, double eps,
                               double weight_offset) {
    Forward out = run_forward(backend, x, residual.value_or(at::Tensor()), weight, eps, weight_offset, true);
    ctx->saved_data["module"] = module_number(backend.cuda);
    ctx->set_materialize_grads(false);
    ctx->save_for_backward({out.sum, weight, out.inverse_rms});
    ctx->saved_data["weight_offset"] = weight_offset;
    if (!residual.has_value()) return {out.y};
    return {out.sum, out.y};
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &sum = saved[0], &inverse_rms = saved[2];
    const bool has_residual = grads.size() == 2;
    const at::Tensor grad_sum =
        has_residual && grads[0].defined() ? device_contiguous(kBackward, grads[0]) : at::Tensor();
    if (!grads.back().defined()) return {grad_sum, has_residual ? grad_sum : at::Tensor(), {}, {}, {}, {}};
    const at::Tensor grad_y = device_contiguous(kBackward, grads.back()),
                     weight = device_contiguous(kBackward, saved[1]);
    const int64_t width = sum.size(-1), rows = inverse_rms.numel();
    const bool weight_wanted = ctx->needs_input_grad(has_residual ? 2 : 1);  // counts the tensors given
    at::Tensor grad_x = device_empty(kBackward, sum.sizes(), sum.options());
    at::Tensor grad_weight = weight_wanted ? device_empty(kBackward, {width}, weight.options()) : at::Tensor();
    const double weight_offset = ctx->saved_data["weight_offset"].toDouble();
    if (const CudaModule* module = module_of_number(ctx->saved_data["module"].toInt()); module != nullptr) {
      launch_backward(*module, sum, weight, inverse_rms, grad_y, grad_sum, grad_x, grad_weight, weight_offset);
      return {grad_x, has_residual ? grad_x : at::Tensor(), grad_weight, {}, {}, {}};
    }
    const RmsNormBackward arguments{sum.const_data_ptr<float>(),
                                    weight.const_data_ptr<float>(),
                                    inverse_rms.const_data_ptr<float>(),
                                    grad_y.const_data_ptr<float>(),
                                    fp32_or_null(grad_sum),
                                    grad_x.mutable_data_ptr<float>(),
                                    width,
                                    static_cast<float>(weight_offset)};
    const RmsNormKernels& kernels = *choose_kernels(kRmsNormAvx2, kRmsNormAvx512);
    for_row_blocks(
        rows, width, weight_wanted ? width : 0, weight_wanted ? grad_weight.mutable_data_ptr<float>() : nullptr,
        [&](int64_t begin, int64_t end, float* partial) { kernels.backward(arguments, begin, end, partial); });
    return {grad_x, has_residual ? grad_x : at::Tensor(), grad_weight, {}, {}, {}};
  }
};

void check(const char* op, const at::Tensor& x, const at::Tensor& weight) {
  check_operand(x.defined() && x.dim() >= 1 && x.is_floating_point(), op, "x", "floating [..., C]", x);
  check_operand(weight.defined() && weight.dim() == 1 && weight.size(0) == x.size(-1) && weight.device() == x.device(),
                op, "weight", "[C] on the device of x, C the last size of x", weight);
}

}  // namespace

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, double weight_offset) {
  check(kName, x, weight);
  const Backend<RmsNormKernels> backend = backend_of(x, weight);
  if (!backend)
    return naming_lack_of_memory(kName, x, [&] { return composed_rms_norm(x, weight, eps, weight_offset); });
  if (!needs_gradient({&x, &weight})) return run_forward(backend, x, {}, weight, eps, weight_offset, false).y;
  return RmsNormFunction::apply(x, std::optional<at::Tensor>(), weight, backend, eps, weight_offset)[0];
}

std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& residual,
                                               const at::Tensor& weight, double eps, double weight_offset) {
  check("add_rms_norm", x, weight);
  check_operand(residual.defined() && residual.sizes() == x.sizes() && residual.scalar_type() == x.scalar_type(),
                "add_rms_norm", "residual", "shape and type of x", residual);
  const Backend<RmsNormKernels> backend = backend_of(x, weight);
  if (!backend) {
    return naming_lack_of_memory(kName, x, [&] {
      at::Tensor sum = x + residual;
      at::Tensor y = composed_rms_norm(sum, weight, eps, weight_offset);
      return std::pair{std::move(sum), std::move(y)};
    });
  }
  if (!needs_gradient({&x, &residual, &weight})) {
    Forward out = run_forward(backend, x, residual, weight, eps, weight_offset, false);
    return {std::move(out.sum), std::move(out.y)};
  }
  variable_list out =
      RmsNormFunction::apply(x, std::optional<at::Tensor>(residual), weight, backend, eps, weight_offset);
  return {std::move(out[0]), std::move(out[1])};
}

}  // namespace dermis
