#include "kernels/cuda/cuda_module.h"

#include <gtest/gtest.h>

namespace dermis {
namespace {

TEST(cuda_module, without_a_driver_says_why_and_never_throws) {
  std::string reason, torch_reason;
  const CudaModule* module = cuda_module(&reason);
  const bool torch = load_torch_cuda(&torch_reason);
  if (cuda_driver_present()) GTEST_SKIP() << "skipped: this machine has a CUDA driver";
  EXPECT_EQ(module, nullptr);
  EXPECT_FALSE(torch);
  EXPECT_TRUE(reason.find("no CUDA driver") != std::string::npos || reason.find("CPU only") != std::string::npos)
      << reason;
  EXPECT_NE(torch_reason.find("libcuda.so.1"), std::string::npos) << torch_reason;
}

TEST(cuda_module, with_a_device_reports_its_facts) {
  if (!cuda_driver_present()) GTEST_SKIP() << "skipped: no CUDA driver (libcuda.so.1 is not found)";
  std::string reason;
  const CudaModule* module = cuda_module(&reason);
  if (module == nullptr) GTEST_SKIP() << "skipped: " << reason;
  EXPECT_GE(module->facts.driver_version, 12000);
  for (const CudaDevice& device : module->facts.devices) {
    EXPECT_FALSE(device.name.empty());
    EXPECT_GT(device.memory_bytes, 0U);
  }
}

}  // namespace
}  // namespace dermis
