// Runs what tests give to emulate() on a GPU instead: buffers of the emulated device are copied there and back, so that
// the test judges the GPU's results as it judges the emulator's.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tests/emulator/emulate.h"
#include "tests/gpu/cuda_driver.h"

namespace dermis::gpu {

class GpuLauncher : public KernelLauncher {
 public:
  // Kernels are looked up in `images` (kernel_images.h). Every launch is done `runs` >= 2 times on the same input and
  // must give the same bytes each time. What no test wrote holds other bytes in every second run.
  GpuLauncher(CudaDriver driver, const std::vector<std::vector<uint8_t>>& images, int runs);

  // Throws std::runtime_error with the driver's words, or when two runs differ. What no run wrote stays unwritten.
  bool run(const std::string& symbol, EmulatedDevice& device, const Launch& launch,
           std::span<const std::byte> params) override;

  int launches() const { return launches_; }

 private:
  void check(int error, const std::string& doing) const;
  void* find(const std::string& symbol);

  CudaDriver driver_;
  std::vector<void*> modules_;              // they live as long as the context, which is the process's
  std::map<std::string, void*> functions_;  // null: in no module
  int runs_, launches_ = 0;
};

// Words of eight bytes in `bytes` that point into a region of `device` then point to the same byte of its copy.
void move_pointers(std::span<std::byte> bytes, EmulatedDevice& device,
                   const std::function<Address(const GlobalRegion&)>& copy_of);

}  // namespace dermis::gpu
