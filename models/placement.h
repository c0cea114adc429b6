// Where a model lies and what it computes with.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>

#include "models/vlm_config.h"

namespace dermis {

struct Placement {
  at::Device device = at::kCPU;
  at::ScalarType weights = at::kFloat;  // of the parameters; where `compute` differs a pass takes rounded copies
  at::ScalarType compute = at::kFloat;  // of activations and matrix products; sums and statistics are fp32
};

enum class Purpose { training, inference };

// `device`: auto (the first GPU when there is one, else the CPU), cpu, cuda, cuda:N. `precision`: fp32, bf16, fp16
// (inference alone: its gradients would underflow), auto (fp32 on a CPU; on a GPU bf16 where our attention kernels
// take the model's head sizes, else fp32). `weights`, of training: fp32, or bf16 (rounded by chance at every step: half
// the memory of weights and gradients); inference holds them in the precision it computes in.
// Error(usage) for other words and for what the kernels do not take; Error(device) when the device named is not there.
Placement choose_placement(const std::string& device, const std::string& precision, const VlmConfig& config,
                           Purpose purpose, const std::string& weights = "fp32");

const char* precision_name(at::ScalarType type);  // fp32, bf16, fp16

// "cuda:0 (NVIDIA H200), bf16" for people; weights of another type than that of the computation are named.
std::string describe(const Placement& placement);

}  // namespace dermis
