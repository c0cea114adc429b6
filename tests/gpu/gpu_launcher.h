// Runs what tests give to emulate() on a GPU instead: buffers of the emulated device are copied there and back, so that
// the test judges the GPU's results as it judges the emulator's.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/emulator/emulate.h"
#include "tests/gpu/cuda_driver.h"

namespace dermis::gpu {

struct GpuRuns {
  int count = 2;       // >= 2, of every launch, on the same input
  bool fresh = false;  // one more before them, in new memory that holds what tests wrote and nothing else: a tool that
                       // looks for reads of uninitialised memory sees none in the others
};

class GpuLauncher : public KernelLauncher {
 public:
  // Kernels are looked up in `images` (kernel_images.h). All counted runs of a launch must give the same bytes. What no
  // test wrote holds other bytes in every second one.
  GpuLauncher(CudaDriver driver, const std::vector<std::vector<uint8_t>>& images, GpuRuns runs);

  // Throws std::runtime_error with the driver's words, or when two runs differ. What no run wrote stays unwritten.
  bool run(const std::string& symbol, EmulatedDevice& device, const Launch& launch,
           std::span<const std::byte> params) override;

  int launches() const { return launches_; }

 private:
  void* find(const std::string& symbol);

  CudaDriver driver_;
  std::vector<void*> modules_;              // they live as long as the context, which is the process's
  std::map<std::string, void*> functions_;  // null: in no module
  GpuRuns runs_;
  int launches_ = 0;
};

}  // namespace dermis::gpu
