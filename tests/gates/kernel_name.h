// Names of compiled kernels as people write them, and what their names say of the plan.
#pragma once

#include <cstdint>
#include <string>

namespace dermis::gates {

struct KernelName {
  std::string kernel;  // "AttentionForward<Bf16, 128, false>"
  // Of kernels that kernels/machine/gpu.cuh launches; 0 for others.
  int threads = 0, blocks_per_sm = 0;
  uint32_t shared_dynamic = 0;  // bytes, the most a launch asks for
};

// From the mangled name of a __global__ function. run_on_gpu<K, threads, blocks, bytes> is known by its K.
KernelName read_kernel_name(const std::string& mangled);

}  // namespace dermis::gates
