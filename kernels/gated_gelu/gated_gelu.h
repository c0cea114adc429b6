// GELU with the tanh approximation, alone (SigLIP) and gating (Gemma): gelu(gate) * up. Differentiable.
#pragma once

#include <ATen/core/Tensor.h>

namespace dermis {

at::Tensor gelu_tanh(const at::Tensor& x);

// gate_up [T, 2 F]: gate in the first F columns, up in the last (one matrix product makes both). Returns [T, F].
at::Tensor gated_gelu(const at::Tensor& gate_up);

}  // namespace dermis
