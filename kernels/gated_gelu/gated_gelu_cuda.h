// Activations of MLPs on the GPU: GELU with the tanh approximation alone (SigLIP), and gating the other half of a
// matrix product (Gemma): gelu(gate) * up, or silu(gate) * up (Llama). Arithmetic is fp32.
//
// Launchers return 0 or a cudaError_t; cudaErrorInvalidValue for 2^34 numbers or more. No alignment is required; rows
// at multiples of 16 bytes are moved 16 bytes at a time. Outputs must not overlap inputs. fp16: what exceeds 65504
// becomes infinite.
#pragma once

#include "kernels/machine/matrix.h"

namespace dermis {

enum class GateActivation : int32_t { gelu_tanh = 0, silu = 1 };

// y = activation(gate) * up. Bytes moved: rows * width * element size * 3.
struct GatedForwardParams {
  ElementType type = ElementType::fp32;
  GateActivation activation = GateActivation::gelu_tanh;
  InputRows gate = {},
            up = {};  // [rows, width]; of one product [rows, 2 width]: data and data + width, the same stride
  OutputRows y = {};  // [rows, width]
  int64_t rows = 0;
  int32_t width = 0;
};
int launch_gated_forward(const GatedForwardParams& params, void* stream);

// grad_gate = grad_y * up * activation'(gate), grad_up = grad_y * activation(gate).
// Bytes moved: rows * width * element size * 5.
struct GatedBackwardParams {
  ElementType type = ElementType::fp32;
  GateActivation activation = GateActivation::gelu_tanh;
  InputRows gate = {}, up = {}, grad_y = {};  // [rows, width]
  OutputRows grad_gate = {}, grad_up = {};    // [rows, width]
  int64_t rows = 0;
  int32_t width = 0;
};
int launch_gated_backward(const GatedBackwardParams& params, void* stream);

// y = gelu(x), element by element. Bytes moved: count * element size * 2.
struct GeluForwardParams {
  ElementType type = ElementType::fp32;
  const void* x = nullptr;  // [count]
  void* y = nullptr;        // [count]
  int64_t count = 0;
};
int launch_gelu_forward(const GeluForwardParams& params, void* stream);

// grad_x = grad_y * gelu'(x). Bytes moved: count * element size * 3.
struct GeluBackwardParams {
  ElementType type = ElementType::fp32;
  const void* x = nullptr;       // [count]
  const void* grad_y = nullptr;  // [count]
  void* grad_x = nullptr;        // [count]
  int64_t count = 0;
};
int launch_gelu_backward(const GeluBackwardParams& params, void* stream);

}  // namespace dermis
