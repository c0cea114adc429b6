#include "kernels/gated_gelu/gated_gelu.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/cuda/cuda_rows.h"
#include "kernels/gated_gelu/gated_gelu_cuda.h"
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

constexpr const char *kGeluTanh = "gelu_tanh", *kGeluTanhBackward = "gelu_tanh, backward";

Backend<GeluKernels> backend_of(const char* op, const at::Tensor& x) {
  if (const CudaModule* module = cuda_kernels_for(op, x); module != nullptr) return {.cuda = module};
  return {.cpu = is_cpu_fp32(x) ? choose_kernels(kGeluAvx2, kGeluAvx512) : nullptr};
}
// That of the forward pass.
Backend<GeluKernels> backend_of(AutogradContext* ctx) {
  return {.cpu = choose_kernels(kGeluAvx2, kGeluAvx512), .cuda = module_of_number(ctx->saved_data["module"].toInt())};
}

// Splits on whole cache lines; elements do not depend on each other, so the split does not change the result.
template <typename Work>
void for_elements(int64_t count, Work work) {
  constexpr int64_t kLine = 64;
  at::parallel_for(0, (count + kLine - 1) / kLine, kGrain / kLine, [&](int64_t begin, int64_t end) {
    work(begin * kLine, std::min(count, end * kLine) - begin * kLine);
  });
}

at::Tensor run_gelu(const Backend<GeluKernels>& backend, const at::Tensor& x) {
  at::Tensor y = device_empty(kGeluTanh, x.sizes(), x.options());
  if (backend.cuda != nullptr) {
    const GeluForwardParams params{
        .type = element_type(x), .x = x.const_data_ptr(), .y = y.mutable_data_ptr(), .count = x.numel()};
    launch_kernel(*backend.cuda, kGeluTanh, x,
                  [&](void* stream) { return backend.cuda->entries->gelu_forward(params, stream); });
    return y;
  }
  const float* in = x.const_data_ptr<float>();
  float* out = y.mutable_data_ptr<float>();
  for_elements(x.numel(), [&](int64_t at, int64_t count) { backend.cpu->forward(in + at, out + at, count); });
  return y;
}

at::Tensor run_gelu_backward(const Backend<GeluKernels>& backend, const at::Tensor& x, const at::Tensor& grad_y) {
  at::Tensor grad_x = device_empty(kGeluTanhBackward, x.sizes(), x.options());
  if (backend.cuda != nullptr) {
    const GeluBackwardParams params{.type = element_type(x),
                                    .x = x.const_data_ptr(),
                                    .grad_y = grad_y.const_data_ptr(),
                                    .grad_x = grad_x.mutable_data_ptr(),
                                    .count = x.numel()};
    launch_kernel(*backend.cuda, kGeluTanhBackward, x,
                  [&](void* stream) { return backend.cuda->entries->gelu_backward(params, stream); });
    return grad_x;
  }
  const float *in = x.const_data_ptr<float>(), *grad_in = grad_y.const_data_ptr<float>();
  float* out = grad_x.mutable_data_ptr<float>();
  for_elements(x.numel(),
               [&](int64_t at, int64_t count) { backend.cpu->backward(in + at, grad_in + at, out + at, count); });
  return grad_x;
}

struct GeluFunction : torch::autograd::Function<GeluFunction> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const Backend<GeluKernels>& backend) {
    ctx->save_for_backward({x});
    ctx->saved_data["module"] = module_number(backend.cuda);
    return run_gelu(backend, x);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const at::Tensor grad_y = device_contiguous(kGeluTanhBackward, grads[0]);
    return {run_gelu_backward(backend_of(ctx), ctx->get_saved_variables()[0], grad_y), {}};
  }
};

int64_t rows_a_thread(int64_t width) { return std::max<int64_t>(1, kGrain / std::max<int64_t>(1, width)); }

// The halves of [T, 2 F].
InputRows half_of(const at::Tensor& gate_up, int64_t which) {
  return {gate_up.narrow(1, which * (gate_up.size(1) / 2), gate_up.size(1) / 2).const_data_ptr(), gate_up.size(1)};
}

// What gates, with the names that errors show.
struct Gate {
  GateActivation activation;
  const char *name, *backward;

  const GatedKernels& cpu(const GeluKernels& kernels) const {
    return activation == GateActivation::silu ? kernels.silu : kernels.gelu;
  }
  // From LibTorch operators: fp64, 16-bit types on the CPU. Autograd differentiates it.
  at::Tensor composed(const at::Tensor& gate_up) const {
    const int64_t width = gate_up.size(1) / 2;
    const at::Tensor gate = gate_up.narrow(1, 0, width), up = gate_up.narrow(1, width, width);
    return (activation == GateActivation::silu ? at::silu(gate) : at::gelu(gate, "tanh")) * up;
  }
};
constexpr Gate kGelu{GateActivation::gelu_tanh, "gated_gelu", "gated_gelu, backward"};
constexpr Gate kSilu{GateActivation::silu, "gated_silu", "gated_silu, backward"};

at::Tensor run_gated(const Backend<GeluKernels>& backend, const Gate& gate, const at::Tensor& gate_up) {
  const int64_t width = gate_up.size(1) / 2;
  at::Tensor y = device_empty(gate.name, {gate_up.size(0), width}, gate_up.options());
  if (backend.cuda != nullptr) {
    const GatedForwardParams params{.type = element_type(gate_up),
                                    .activation = gate.activation,
                                    .gate = half_of(gate_up, 0),
                                    .up = half_of(gate_up, 1),
                                    .y = output_rows(y),
                                    .rows = gate_up.size(0),
                                    .width = static_cast<int32_t>(width)};
    launch_kernel(*backend.cuda, gate.name, gate_up,
                  [&](void* stream) { return backend.cuda->entries->gated_forward(params, stream); });
    return y;
  }
  const float* in = gate_up.const_data_ptr<float>();
  float* out = y.mutable_data_ptr<float>();
  at::parallel_for(0, gate_up.size(0), rows_a_thread(width),
                   [&](int64_t begin, int64_t end) { gate.cpu(*backend.cpu).forward(in, out, width, begin, end); });
  return y;
}

at::Tensor run_gated_backward(const Backend<GeluKernels>& backend, const Gate& gate, const at::Tensor& gate_up,
                              const at::Tensor& grad_y) {
  const int64_t width = gate_up.size(1) / 2;
  at::Tensor grad = device_empty(gate.backward, gate_up.sizes(), gate_up.options());
  if (backend.cuda != nullptr) {
    const GatedBackwardParams params{.type = element_type(gate_up),
                                     .activation = gate.activation,
                                     .gate = half_of(gate_up, 0),
                                     .up = half_of(gate_up, 1),
                                     .grad_y = input_rows(grad_y),
                                     .grad_gate = {grad.mutable_data_ptr(), grad.size(1)},
                                     .grad_up = {grad.narrow(1, width, width).mutable_data_ptr(), grad.size(1)},
                                     .rows = gate_up.size(0),
                                     .width = static_cast<int32_t>(width)};
    launch_kernel(*backend.cuda, gate.backward, gate_up,
                  [&](void* stream) { return backend.cuda->entries->gated_backward(params, stream); });
    return grad;
  }
  const float *in = gate_up.const_data_ptr<float>(), *grad_in = grad_y.const_data_ptr<float>();
  float* out = grad.mutable_data_ptr<float>();
  at::parallel_for(0, gate_up.size(0), rows_a_thread(width), [&](int64_t begin, int64_t end) {
    gate.cpu(*backend.cpu).backward(in, grad_in, out, width, begin, end);
  });
  return grad;
}

struct GatedFunction : torch::autograd::Function<GatedFunction> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& gate_up, const Backend<GeluKernels>& backend,
                            bool silu) {
    ctx->save_for_backward({gate_up});
    ctx->saved_data["module"] = module_number(backend.cuda);
    ctx->saved_data["silu"] = silu;
    return run_gated(backend, silu ? kSilu : kGelu, gate_up);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const Gate& gate = ctx->saved_data["silu"].toBool() ? kSilu : kGelu;
    const at::Tensor grad_y = device_contiguous(gate.backward, grads[0]);
    return {run_gated_backward(backend_of(ctx), gate, ctx->get_saved_variables()[0], grad_y), {}, {}};
  }
};

at::Tensor gated(const Gate& gate, const at::Tensor& gate_up) {
  check_operand(gate_up.defined() && gate_up.is_floating_point() && gate_up.dim() == 2 && gate_up.size(1) % 2 == 0,
                gate.name, "gate_up", "floating [T, 2 F]", gate_up);
  const Backend<GeluKernels> backend = backend_of(gate.name, gate_up);
  if (!backend) return naming_lack_of_memory(gate.name, gate_up, [&] { return gate.composed(gate_up); });
  if (backend.cuda != nullptr) check_pieces(gate.name, gate_up.size(0), gate_up.size(1) / 2, gate_up);
  const at::Tensor in = device_contiguous(gate.name, gate_up);
  return needs_gradient({&in}) ? GatedFunction::apply(in, backend, gate.activation == GateActivation::silu)
                               : run_gated(backend, gate, in);
}

}  // namespace

at::Tensor gelu_tanh(const at::Tensor& x) {
  check_operand(x.defined() && x.is_floating_point(), kGeluTanh, "x", "a floating tensor", x);
  const Backend<GeluKernels> backend = backend_of(kGeluTanh, x);
  if (!backend) return naming_lack_of_memory(kGeluTanh, x, [&] { return at::gelu(x, "tanh"); });
  if (backend.cuda != nullptr)
    check_kernel_limit(kGeluTanh, "pieces of eight numbers", pieces_of(1, x.numel()), kMostPieces, x,
                       "use smaller batches");
  const at::Tensor in = device_contiguous(kGeluTanh, x);
  return needs_gradient({&in}) ? GeluFunction::apply(in, backend) : run_gelu(backend, in);
}

at::Tensor gated_gelu(const at::Tensor& gate_up) { return gated(kGelu, gate_up); }
at::Tensor gated_silu(const at::Tensor& gate_up) { return gated(kSilu, gate_up); }

}  // namespace dermis
