#include "tests/gpu/gpu_launcher.h"

#include <utility>

#include "tests/gpu/region_copies.h"

namespace dermis::gpu {

GpuLauncher::GpuLauncher(CudaDriver driver, const std::vector<std::vector<uint8_t>>& images, GpuRuns runs)
    : driver_(std::move(driver)), runs_(runs) {
  for (const std::vector<uint8_t>& image : images) {
    void* module = nullptr;
    check_cuda(driver_, driver_.load(&module, image.data()), "cuModuleLoadData");
    modules_.push_back(module);
  }
}

void* GpuLauncher::find(const std::string& symbol) {
  if (const auto known = functions_.find(symbol); known != functions_.end()) return known->second;
  void* function = nullptr;
  for (size_t i = 0; i < modules_.size() && function == nullptr; ++i) {
    const int error = driver_.find(&function, modules_[i], symbol.c_str());
    if (error == kNotFound)
      function = nullptr;
    else
      check_cuda(driver_, error, "cuModuleGetFunction " + symbol);
  }
  return functions_[symbol] = function;
}

bool GpuLauncher::run(const std::string& symbol, EmulatedDevice& device, const Launch& launch,
                      std::span<const std::byte> params) {
  void* function = find(symbol);
  if (function == nullptr) return false;
  if (launch.blocks[0] == 0 || launch.blocks[1] == 0 || launch.blocks[2] == 0) return true;
  ++launches_;
  check_cuda(driver_, driver_.allow_shared(function, launch.shared_bytes), "shared memory of " + symbol);
  const auto run_once = [&](RegionCopies& copies) {
    void* pointers[] = {copies.params()};
    check_cuda(driver_, driver_.launch(function, launch.blocks, launch.threads, launch.shared_bytes, pointers),
               "launch of " + symbol);
    check_cuda(driver_, driver_.wait(), symbol);
  };
  if (runs_.fresh) {
    RegionCopies copies(driver_, device, params);
    copies.upload_written();
    run_once(copies);
  }
  RegionCopies copies(driver_, device, params);
  for (int run = 0; run < runs_.count; ++run) {
    copies.begin(run);
    run_once(copies);
    copies.compare(run, symbol);
  }
  copies.compare_constant(symbol);
  copies.keep_results();
  return true;
}

}  // namespace dermis::gpu
