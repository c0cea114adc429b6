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
#pragma once

#include "tests/emulator/device_buffer.h"
#include "tests/emulator/emulator.h"

namespace dermis {

void check_launch(const Launch& launch, int kernel_threads);
void check_red_zones(const EmulatedDevice& device);

template <class K, class Machine>
void run_kernel_thread(EmulatedThread& thread, const void* params) {
  Machine machine;
  machine.attach(thread);
  K::run(machine, *static_cast<const typename K::Params*>(params));
}

template <class K, class Machine = Emulator>
EmulationReport emulate(EmulatedDevice& device, const Launch& launch, const typename K::Params& params,
                        const EmulationOptions& options = {}) {
  check_launch(launch, K::kThreads);
  EmulatedLaunch run(device, launch, options, &run_kernel_thread<K, Machine>, &params);
  run.run();
  check_red_zones(device);
  return run.report;
}

}  // namespace dermis
