// A GPU that is PTX: as an EmulatedGpu, but served by the objects of the CUDA module that the program ships, linked
// with a runtime that runs what nvcc compiled on the CPU (tests/ptx). So the launchers of the .cu files, the instances
// they choose and the parameters as nvcc lays them out are tested without a device.
#pragma once

#include "tests/kernels/cuda/emulated_gpu.h"
#include "tests/ptx/traffic.h"

namespace dermis::testing {

// The module; null where libdermis_cuda_ptx.so is not beside the program: in builds without nvcc, and in bundles.
// Throws Error(internal) when it does not open.
const CudaModule* compiled_module();

// Launches of the module from now on add to it; null: to nothing.
void count_traffic(ptx::Traffic* traffic);

class CompiledGpu {
 public:
  explicit CompiledGpu(const CudaModule& module) : device_(module) {}

 private:
  EmulatedMemory memory_;
  CpuAsGpu device_;
};

}  // namespace dermis::testing

// Begins a test.
#define DERMIS_COMPILED_GPU(name)                                       \
  if (::dermis::testing::compiled_module() == nullptr)                  \
    GTEST_SKIP() << "there is no libdermis_cuda_ptx.so here (no nvcc)"; \
  const ::dermis::testing::CompiledGpu name(*::dermis::testing::compiled_module())
