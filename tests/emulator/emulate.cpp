#include "tests/emulator/emulate.h"

namespace dermis {

void check_launch(const Launch& launch, int kernel_threads, uint32_t planned_shared_bytes) {
  const auto refuse = [](const std::string& what) {
    throw EmulationFault(FaultKind::kLaunch, {}, CallSite::here(), what);
  };
  if (launch.threads == 0 || launch.threads % kWarpSize != 0 || launch.threads > 1024) {
    refuse(std::to_string(launch.threads) + " threads a block");
  }
  if (launch.threads > static_cast<uint32_t>(kernel_threads)) {
    refuse(std::to_string(launch.threads) + " threads a block, compiled for " + std::to_string(kernel_threads));
  }
  if (launch.shared_bytes > planned_shared_bytes) {
    refuse(std::to_string(launch.shared_bytes) + " bytes of shared memory, planned for the kernel are " +
           std::to_string(planned_shared_bytes));
  }
  if (uint64_t{launch.blocks[0]} * launch.blocks[1] * launch.blocks[2] >= 1u << (kThreadIdBits - kThreadInBlockBits)) {
    refuse("more blocks than the race clocks can number");
  }
  if (launch.blocks[1] > 65535 || launch.blocks[2] > 65535) refuse("more than 65535 blocks along axis 1 or 2");
}

void check_red_zones(const EmulatedDevice& device) {
  for (const GlobalRegion* region : device.regions()) {
    if (!region->red_zones_intact()) {
      throw EmulationFault(
          FaultKind::kOutOfBounds, {}, CallSite::here(),
          "a write beside the machine changed bytes around a buffer of " + std::to_string(region->bytes()) + " bytes");
    }
  }
}

KernelLauncher*& kernel_launcher() {
  static KernelLauncher* launcher = nullptr;
  return launcher;
}

}  // namespace dermis
