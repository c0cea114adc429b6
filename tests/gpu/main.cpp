// The test program of device code: everything runs in the emulator, or with --gpu on the GPU.
//   tests_device [--gpu [--gpu-runs=N] [--gpu-fresh]] [GoogleTest's options]
// With --gpu every kernel that nvcc compiled runs N (2) times on the device, and the tests judge what it wrote there;
// with --gpu-fresh once more, in memory that only tests have written to, for compute-sanitizer's initcheck.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>

#include "core/error.h"
#include "tests/gpu/gpu_launcher.h"
#include "tests/gpu/kernel_images.h"

namespace dermis::gpu {
namespace {

// The CUDA module and the compiled probes lie beside the program or one folder up.
std::vector<std::vector<uint8_t>> images_of_this_build() {
  std::vector<std::vector<uint8_t>> images;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  for (const char* name : {"libdermis_cuda.so", "probes.fatbin"}) {
    const auto beside = folder / name, above = folder.parent_path() / name;
    for (auto& image : kernel_images((std::filesystem::exists(beside) ? beside : above).string()))
      images.push_back(std::move(image));
  }
  return images;
}

std::optional<GpuRuns> runs_wanted(int& argc, char** argv) {
  bool gpu = false;
  GpuRuns runs;
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--gpu")
      gpu = true;
    else if (word == "--gpu-fresh")
      runs.fresh = true;
    else if (word.rfind("--gpu-runs=", 0) == 0)
      runs.count = std::max(2, std::atoi(word.c_str() + 11));
    else
      argv[kept++] = argv[i];
  }
  argc = kept;
  return gpu ? std::optional(runs) : std::nullopt;
}

int run(int argc, char** argv) {
  const std::optional<GpuRuns> runs = runs_wanted(argc, argv);
  ::testing::InitGoogleTest(&argc, argv);
  if (!runs.has_value()) return RUN_ALL_TESTS();
  CudaDriver driver = open_cuda_driver();
  const std::string device = driver.device;
  GpuLauncher launcher(std::move(driver), images_of_this_build(), *runs);
  kernel_launcher() = &launcher;
  const int result = RUN_ALL_TESTS();
  kernel_launcher() = nullptr;
  fmt::print("{} launches, each {} times, on {}\n", launcher.launches(), runs->count, device);
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
