#include "kernels/gated_gelu/gated_gelu.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/gated_gelu/gated_gelu_rows.h"
#include "kernels/operand/operand.h"
#include "kernels/simd/cpu_features.h"
#include "kernels/simd/row_blocks.h"

namespace dermis {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// An exponential and a division make an element dearer than one of a norm.
constexpr int64_t kGrain = 1 << 13;

const GeluKernels* vector_kernels(const at::Tensor& x) {
  return is_cpu_fp32(x) ? choose_kernels(kGeluAvx2, kGeluAvx512) : nullptr;
}

// Splits on whole cache lines; elements do not depend on each other, so the split does not change the result.
template <typename Work>
void for_elements(int64_t count, Work work) {
  constexpr int64_t kLine = 64;
  at::parallel_for(0, (count + kLine - 1) / kLine, kGrain / kLine, [&](int64_t begin, int64_t end) {
    work(begin * kLine, std::min(count, end * kLine) - begin * kLine);
  });
}

at::Tensor run_gelu(const GeluKernels& kernels, const at::Tensor& x) {
  at::Tensor y = at::empty(x.sizes(), x.options());
  const float* in = x.const_data_ptr<float>();
  float* out = y.mutable_data_ptr<float>();
  for_elements(x.numel(), [&](int64_t at, int64_t count) { kernels.forward(in + at, out + at, count); });
  return y;
}

struct GeluFunction : torch::autograd::Function<GeluFunction> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x) {
    const at::Tensor in = x.contiguous();
    ctx->save_for_backward({in});
    return run_gelu(*vector_kernels(x), in);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const at::Tensor x = ctx->get_saved_variables()[0], grad_y = grads[0].contiguous();
    at::Tensor grad_x = at::empty(x.sizes(), x.options());
    const float *in = x.const_data_ptr<float>(), *grad_in = grad_y.const_data_ptr<float>();
    float* out = grad_x.mutable_data_ptr<float>();
    const GeluKernels& kernels = *vector_kernels(x);
    for_elements(x.numel(),
                 [&](int64_t at, int64_t count) { kernels.backward(in + at, grad_in + at, out + at, count); });
    return {grad_x};
  }
};

at::Tensor run_gated(const GeluKernels& kernels, const at::Tensor& gate_up) {
  const int64_t width = gate_up.size(1) / 2;
  at::Tensor y = at::empty({gate_up.size(0), width}, gate_up.options());
  const float* in = gate_up.const_data_ptr<float>();
  float* out = y.mutable_data_ptr<float>();
  at::parallel_for(0, gate_up.size(0), std::max<int64_t>(1, kGrain / std::max<int64_t>(1, width)),
                   [&](int64_t begin, int64_t end) { kernels.gated_forward(in, out, width, begin, end); });
  return y;
}

struct GatedGeluFunction : torch::autograd::Function<GatedGeluFunction> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& gate_up) {
    const at::Tensor in = gate_up.contiguous();
    ctx->save_for_backward({in});
    return run_gated(*vector_kernels(gate_up), in);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const at::Tensor gate_up = ctx->get_saved_variables()[0], grad_y = grads[0].contiguous();
    const int64_t width = gate_up.size(1) / 2;
    at::Tensor grad = at::empty(gate_up.sizes(), gate_up.options());
    const float *in = gate_up.const_data_ptr<float>(), *grad_in = grad_y.const_data_ptr<float>();
    float* out = grad.mutable_data_ptr<float>();
    const GeluKernels& kernels = *vector_kernels(gate_up);
    at::parallel_for(0, gate_up.size(0), std::max<int64_t>(1, kGrain / std::max<int64_t>(1, width)),
                     [&](int64_t begin, int64_t end) { kernels.gated_backward(in, grad_in, out, width, begin, end); });
    return {grad};
  }
};

}  // namespace

at::Tensor gelu_tanh(const at::Tensor& x) {
  check_operand(x.defined() && x.is_floating_point(), "gelu_tanh", "x", "a floating tensor", x);
  const GeluKernels* kernels = vector_kernels(x);
  if (kernels == nullptr) return at::gelu(x, "tanh");
  return needs_gradient({&x}) ? GeluFunction::apply(x) : run_gelu(*kernels, x.contiguous());
}

at::Tensor gated_gelu(const at::Tensor& gate_up) {
  check_operand(gate_up.defined() && gate_up.is_floating_point() && gate_up.dim() == 2 && gate_up.size(1) % 2 == 0,
                "gated_gelu", "gate_up", "floating [T, 2 F]", gate_up);
  const GeluKernels* kernels = vector_kernels(gate_up);
  if (kernels == nullptr) {
    const int64_t width = gate_up.size(1) / 2;
    return at::gelu(gate_up.narrow(1, 0, width), "tanh") * gate_up.narrow(1, width, width);
  }
  return needs_gradient({&gate_up}) ? GatedGeluFunction::apply(gate_up) : run_gated(*kernels, gate_up.contiguous());
}

}  // namespace dermis
