// emulate<Kernel>(device, launch, params, options): runs a device kernel on the CPU. Global memory that the kernel may
// touch is that of the DeviceBuffers of `device`.
//
//   EmulatedDevice device;
//   DeviceBuffer<float> x(device, n), y(device, n);
//   x.upload_values(...);
//   emulate<AddKernel>(device, launch, {.x = x.data(), .y = y.data()}, {.seed = 3});
//   EXPECT_EQ(y.unwritten(), 0u);
//
// Throws EmulationFault. Two calls must not run at the same time on one device.
//
// Where a test program is linked with what nvcc made of the same kernels, a KernelLauncher can run them on a GPU
// instead (tests/gpu): the tests of emulated kernels are tests of the GPU's, too.
#pragma once

#include <span>
#include <string>
#include <type_traits>
#include <typeinfo>

#include "tests/emulator/device_buffer.h"
#include "tests/emulator/emulator.h"

namespace dermis {

void check_launch(const Launch& launch, int kernel_threads, uint32_t planned_shared_bytes);
void check_red_zones(const EmulatedDevice& device);

template <class K, class Machine>
void run_kernel_thread(EmulatedThread& thread, const void* params) {
  Machine machine;
  machine.attach(thread);
  K::run(machine, *static_cast<const typename K::Params*>(params));
}

// Stands for the function of that name in kernels/machine/gpu.cuh: from its type follows that function's symbol.
template <class K, int Threads, int BlocksPerSm, uint32_t SharedBytes>
struct run_on_gpu {};
template <class K>
std::string kernel_symbol() {
  using Function = run_on_gpu<K, K::kThreads, K::kBlocksPerSm, planned_shared_bytes<K>()>;
  return std::string("_Z") + typeid(Function).name() + "vNT_6ParamsE";
}

class KernelLauncher {
 public:
  virtual ~KernelLauncher() = default;
  // Runs the kernel of that symbol on the buffers of `device`, into which pointers of `params` point. False: there is
  // no such kernel.
  virtual bool run(const std::string& symbol, EmulatedDevice& device, const Launch& launch,
                   std::span<const std::byte> params) = 0;
};

// Where emulate() runs kernels first; null: in the emulator.
KernelLauncher*& kernel_launcher();

template <class K, class Machine = Emulator>
EmulationReport emulate(EmulatedDevice& device, const Launch& launch, const typename K::Params& params,
                        const EmulationOptions& options = {}) {
  check_launch(launch, K::kThreads, planned_shared_bytes<K>());
  if (std::is_same_v<Machine, Emulator> && kernel_launcher() != nullptr &&
      kernel_launcher()->run(kernel_symbol<K>(), device, launch, std::as_bytes(std::span(&params, 1)))) {
    return {};
  }
  EmulatedLaunch run(device, launch, options, &run_kernel_thread<K, Machine>, &params);
  run.run();
  check_red_zones(device);
  return run.report;
}

}  // namespace dermis
