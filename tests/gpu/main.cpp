// The test program of device code: everything runs in the emulator, or with --gpu on the GPU.
//   tests_device [--gpu | --ptx] [--gpu-runs=N] [--gpu-fresh] [GoogleTest's options]
// With --gpu every kernel that nvcc compiled runs N (2) times on the device, and the tests judge what it wrote there;
// with --gpu-fresh once more, in memory that only tests have written to, for compute-sanitizer's initcheck.
// With --ptx the same, without a GPU: the PTX that nvcc made of the kernels runs on the CPU (tests/ptx).
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>

#include "core/error.h"
#include "tests/gpu/gpu_launcher.h"
#include "tests/gpu/kernel_images.h"
#include "tests/ptx/driver.h"

namespace dermis::gpu {
namespace {

struct Wanted {
  CudaDriver (*driver)() = nullptr;  // none: everything runs in the emulator
  GpuRuns runs;
};

Wanted wanted(int& argc, char** argv) {
  Wanted wanted;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--gpu")
      wanted.driver = open_cuda_driver;
    else if (word == "--ptx")
      wanted.driver = [] { return ptx::ptx_driver(); };
    else if (word == "--gpu-fresh")
      wanted.runs.fresh = true;
    else if (word.rfind("--gpu-runs=", 0) == 0)
      wanted.runs.count = std::max(2, std::atoi(word.c_str() + 11));
    else
      argv[kept++] = argv[i];
  }
  argc = kept;
  return wanted;
}

int run(int argc, char** argv) {
  const auto [open_driver, runs] = wanted(argc, argv);
  ::testing::InitGoogleTest(&argc, argv);
  if (open_driver == nullptr) return RUN_ALL_TESTS();
  CudaDriver driver = open_driver();
  const std::string device = driver.device;
  GpuLauncher launcher(std::move(driver), images_of_this_build(), runs);
  kernel_launcher() = &launcher;
  const int result = RUN_ALL_TESTS();
  kernel_launcher() = nullptr;
  fmt::print("{} launches, each {} times, on {}\n", launcher.launches(), runs.count, device);
  // More shards than tests leave some of them nothing to do.
  const bool idle_shard =
      std::getenv("GTEST_TOTAL_SHARDS") != nullptr && ::testing::UnitTest::GetInstance()->test_to_run_count() == 0;
  if (launcher.launches() > 0 || idle_shard) return result;
  fmt::print("no kernel ran on the GPU\n");
  return 1;
}

}  // namespace
}  // namespace dermis::gpu

int main(int argc, char** argv) {
  try {
    return dermis::gpu::run(argc, argv);
  } catch (const dermis::Error& error) {
    fmt::print("{}\n", error.what());
    return dermis::exit_code(error.kind());
  }
}
