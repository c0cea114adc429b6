// Part of every test program that uses LibTorch: on a machine with a CUDA driver its CUDA library is loaded before the
// first test. One that computes on the CPU would rule CUDA out for all that follow in the process (load_torch_cuda()).
#include <gtest/gtest.h>

#include "kernels/cuda/cuda_module.h"

namespace dermis::testing {
namespace {

class TorchCudaFirst : public ::testing::Environment {
  void SetUp() override {
    if (cuda_driver_present()) load_torch_cuda();
  }
};
const ::testing::Environment* const kTorchCudaFirst = ::testing::AddGlobalTestEnvironment(new TorchCudaFirst);

}  // namespace
}  // namespace dermis::testing
