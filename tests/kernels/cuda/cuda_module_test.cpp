#include "kernels/cuda/cuda_module.h"

#include <ATen/Context.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/kernels/cuda/fake_module.h"

namespace dermis {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(cuda_module, without_a_driver_says_why_and_never_throws) {
  std::string reason, torch_reason;
  const CudaModule* module = cuda_module(&reason);
  const bool torch = load_torch_cuda(&torch_reason);
  if (cuda_driver_present()) GTEST_SKIP() << "skipped: this machine has a CUDA driver";
  EXPECT_EQ(module, nullptr);
  EXPECT_FALSE(torch);
  EXPECT_TRUE(reason.find("no CUDA driver") != std::string::npos || reason.find("CPU only") != std::string::npos)
      << reason;
  EXPECT_THAT(torch_reason, HasSubstr("libcuda.so.1"));
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

class CudaModuleOpening : public ::testing::Test {
 protected:
  CudaModuleOpening() { testing::fake_runtime = {}; }
  std::string reason() const { return open_cuda_module(system).reason; }

  DermisCudaEntries entries = testing::fake_entries();
  CudaSystem system = testing::fake_system(entries);
};

TEST_F(CudaModuleOpening, reads_the_devices_facts) {
  testing::fake_runtime.devices = 2;
  const OpenedCudaModule opened = open_cuda_module(system);
  EXPECT_EQ(opened.reason, "");
  EXPECT_EQ(opened.module.entries, &entries);
  EXPECT_EQ(opened.module.path, "/place/libdermis_cuda.so");
  ASSERT_EQ(opened.module.facts.devices.size(), 2U);
  EXPECT_EQ(opened.module.facts.devices[1].name, "Test GPU");
  EXPECT_EQ(opened.module.facts.devices[1].major, 9);
}

TEST_F(CudaModuleOpening, asks_nothing_further_without_a_driver) {
  system.driver_present = [] { return false; };
  system.find_module = []() -> std::string { throw std::runtime_error("asked"); };
  EXPECT_THAT(reason(), HasSubstr("no CUDA driver"));
}

TEST_F(CudaModuleOpening, says_which_part_is_missing_or_foreign) {
  system.find_module = [] { return std::string(); };
  EXPECT_THAT(reason(), HasSubstr("libdermis_cuda.so is not beside the program"));
  system = testing::fake_system(entries);
  system.open = [](const std::string&, std::string& failure) {
    failure = "undefined symbol: x";
    return static_cast<const DermisCudaEntries*>(nullptr);
  };
  EXPECT_THAT(reason(), HasSubstr("undefined symbol: x"));
  system = testing::fake_system(entries);
  entries.abi_version = DERMIS_CUDA_ABI - 1;
  EXPECT_THAT(reason(), HasSubstr("another build"));
}

TEST_F(CudaModuleOpening, says_that_the_driver_is_too_old_and_which_is_needed) {
  testing::fake_runtime.driver = 12020;
  EXPECT_THAT(reason(), AllOf(HasSubstr("too old"), HasSubstr("CUDA 12.2"), HasSubstr("13.0 or later")));
  testing::fake_runtime.driver = 13000;
  testing::fake_runtime.runtime = 13020;  // minor versions are compatible
  EXPECT_EQ(reason(), "");
}

TEST_F(CudaModuleOpening, passes_on_the_drivers_words) {
  testing::fake_runtime.version_error = 1;
  EXPECT_THAT(reason(), HasSubstr("driver answers: invalid argument"));
  testing::fake_runtime = {.count_error = 1};
  EXPECT_THAT(reason(), HasSubstr("driver answers: invalid argument"));
  testing::fake_runtime = {.device_error = 2};
  EXPECT_THAT(reason(), HasSubstr("device 0 answers: some other error"));
  testing::fake_runtime = {.devices = 0};
  EXPECT_THAT(reason(), HasSubstr("sees no device"));
}

class TorchCudaOpening : public ::testing::Test {
 protected:
  std::string reason() const { return open_torch_cuda(system); }

  std::string opened;
  TorchCudaSystem system{.driver_present = [] { return true; },
                         .find_library = [] { return std::string("/place/libtorch_cuda.so"); },
                         .open =
                             [this](const std::string& path) {
                               opened = path;
                               return std::string();
                             },
                         .ruled_out = [] { return false; },
                         .sees_device = [] { return true; }};
};

TEST_F(TorchCudaOpening, opens_the_library_that_is_found) {
  EXPECT_EQ(reason(), "");
  EXPECT_EQ(opened, "/place/libtorch_cuda.so");
}

TEST_F(TorchCudaOpening, asks_nothing_further_without_a_driver) {
  system.driver_present = [] { return false; };
  system.find_library = []() -> std::string { throw std::runtime_error("asked"); };
  EXPECT_THAT(reason(), HasSubstr("no CUDA driver"));
}

TEST_F(TorchCudaOpening, says_what_is_missing) {
  system.sees_device = [] { return false; };
  EXPECT_THAT(reason(), HasSubstr("see no device"));
  system.open = [](const std::string&) { return std::string("libcublas.so.13: cannot open"); };
  EXPECT_THAT(reason(), HasSubstr("libcublas.so.13: cannot open"));
  system.find_library = [] { return std::string(); };
  EXPECT_THAT(reason(), HasSubstr("CPU-only"));
}

TEST_F(TorchCudaOpening, says_that_it_came_too_late) {
  system.ruled_out = [] { return true; };
  system.sees_device = [] { return false; };  // what LibTorch then says
  EXPECT_THAT(reason(), AllOf(HasSubstr("ruled CUDA out"), HasSubstr("load_torch_cuda() at the beginning")));
}

// A seed on the CPU is enough for LibTorch to decide; loading its CUDA library afterwards would change nothing.
TEST(torch_ruled_cuda_out, is_what_a_seed_without_the_cuda_library_does) {
  if (load_torch_cuda()) GTEST_SKIP() << "skipped: LibTorch's CUDA operators are loaded";
  at::manual_seed(1);
  EXPECT_TRUE(torch_ruled_cuda_out());
}

}  // namespace
}  // namespace dermis
