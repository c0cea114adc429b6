// Activations of MLPs: GELU with the tanh approximation, alone (SigLIP) and gating (Gemma), and SiLU gating (Llama,
// Qwen), which shares all of the code and so this folder, named after the first. Differentiable.
#pragma once

#include <ATen/core/Tensor.h>

namespace dermis {

at::Tensor gelu_tanh(const at::Tensor& x);

// gate_up [T, 2 F]: gate in the first F columns, up in the last (one matrix product makes both). Returns [T, F]:
// gelu(gate) * up, and silu(gate) * up with silu(x) = x / (1 + e^-x).
at::Tensor gated_gelu(const at::Tensor& gate_up);
at::Tensor gated_silu(const at::Tensor& gate_up);

}  // namespace dermis
