#include <ATen/ATen.h>
#include <fmt/format.h>

#include "benchmarks/operators/differentiable.h"
#include "benchmarks/operators/rows.h"
#include "kernels/cuda/cuda_rows.h"
#include "kernels/gated_gelu/gated_gelu.h"
#include "kernels/gated_gelu/gated_gelu_cuda.h"

namespace dermis {
namespace {

at::Tensor gate_of(const at::Tensor& gate_up) { return gate_up.narrow(1, 0, gate_up.size(1) / 2); }
at::Tensor up_of(const at::Tensor& gate_up) { return gate_up.narrow(1, gate_up.size(1) / 2, gate_up.size(1) / 2); }

// The kernel with the activation that no operator passes.
Tensors silu_forward(const CudaModule& module, const at::Tensor& gate_up) {
  const int64_t width = gate_up.size(1) / 2;
  const at::Tensor y = at::empty({gate_up.size(0), width}, gate_up.options());
  const GatedForwardParams params{.type = element_type(gate_up),
                                  .activation = GateActivation::silu,
                                  .gate = {gate_of(gate_up).const_data_ptr(), gate_up.size(1)},
                                  .up = {up_of(gate_up).const_data_ptr(), gate_up.size(1)},
                                  .y = output_rows(y),
                                  .rows = gate_up.size(0),
                                  .width = static_cast<int32_t>(width)};
  launch_kernel(module, "gated_silu", gate_up,
                [&](void* stream) { return module.entries->gated_forward(params, stream); });
  return {y};
}

Tensors silu_backward(const CudaModule& module, const at::Tensor& gate_up, const at::Tensor& grad_y) {
  const at::Tensor grad = at::empty(gate_up.sizes(), gate_up.options());
  const GatedBackwardParams params{.type = element_type(gate_up),
                                   .activation = GateActivation::silu,
                                   .gate = {gate_of(gate_up).const_data_ptr(), gate_up.size(1)},
                                   .up = {up_of(gate_up).const_data_ptr(), gate_up.size(1)},
                                   .grad_y = input_rows(grad_y),
                                   .grad_gate = {gate_of(grad).mutable_data_ptr(), grad.size(1)},
                                   .grad_up = {up_of(grad).mutable_data_ptr(), grad.size(1)},
                                   .rows = gate_up.size(0),
                                   .width = static_cast<int32_t>(gate_up.size(1) / 2)};
  launch_kernel(module, "gated_silu, backward", gate_up,
                [&](void* stream) { return module.entries->gated_backward(params, stream); });
  return {grad};
}

// Operand gate_up [T, 2 F]; output [T, F].
DifferentiableOperator gated(const OperatorSetting& s, const char* rival, const TensorsFunction& composed) {
  const double half = static_cast<double>(s.sizes.gate_tokens) * static_cast<double>(s.sizes.gate_width) * s.element();
  return {.shape = fmt::format("{} x 2 x {}", s.sizes.gate_tokens, s.sizes.gate_width),
          .forward_bytes = 3 * half,   // gate, up; y
          .backward_bytes = 5 * half,  // gate, up, grad_y; grad_gate, grad_up
          .operands =
              [=] {
                return Tensors{at::randn({s.sizes.gate_tokens, 2 * s.sizes.gate_width}, s.options())};
              },
          .ours = [](const Tensors& x) { return Tensors{gated_gelu(x[0])}; },
          .rivals = {{rival, composed}},
          .exact = composed};
}

DifferentiableOperator gated_silu(const OperatorSetting& s) {
  DifferentiableOperator op =
      gated(s, "at::silu, times up", [](const Tensors& x) { return Tensors{at::silu(gate_of(x[0])) * up_of(x[0])}; });
  op.ours = [module = s.module](const Tensors& x) { return silu_forward(*module, x[0]); };
  op.own_backward = [module = s.module](const Tensors& x, const Tensors& gradients) {
    return silu_backward(*module, x[0], gradients[0]);
  };
  return op;
}

DifferentiableOperator gelu_alone(const OperatorSetting& s) {
  const double tensor = static_cast<double>(s.sizes.patches) * static_cast<double>(s.sizes.tower_hidden) * s.element();
  const TensorsFunction composed = [](const Tensors& x) { return Tensors{at::gelu(x[0], "tanh")}; };
  return {.shape = fmt::format("{} x {}", s.sizes.patches, s.sizes.tower_hidden),
          .forward_bytes = 2 * tensor,   // x; y
          .backward_bytes = 3 * tensor,  // x, grad_y; grad_x
          .operands =
              [=] {
                return Tensors{at::randn({s.sizes.patches, s.sizes.tower_hidden}, s.options())};
              },
          .ours = [](const Tensors& x) { return Tensors{gelu_tanh(x[0])}; },
          .rivals = {{"at::gelu", composed}},
          .exact = composed};
}

}  // namespace

OperatorRows activation_rows(const OperatorSetting& s) {
  const TensorsFunction composed = [](const Tensors& x) {
    return Tensors{at::gelu(gate_of(x[0]), "tanh") * up_of(x[0])};
  };
  OperatorRows rows = rows_of("gated_gelu", gated(s, "at::gelu, times up", composed), s);
  const auto add = [&](const char* name, const DifferentiableOperator& op) {
    for (OperatorRow& row : rows_of(name, op, s)) rows.push_back(std::move(row));
  };
  if (s.module != nullptr) add("gated_silu", gated_silu(s));
  add("gelu_tanh", gelu_alone(s));
  return rows;
}

}  // namespace dermis
