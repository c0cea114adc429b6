// A CUDA module whose runtime says what a test wants to hear, on a machine without a GPU.
#pragma once

#include "kernels/cuda/cuda_module.h"

namespace dermis::testing {

// What the functions of fake_entries() answer.
struct FakeRuntime {
  int driver = 13000, runtime = 13000;
  int version_error = 0, count_error = 0, device_error = 0;
  int devices = 1;
  DermisCudaDevice device{"Test GPU", 9, 0, uint64_t{80} << 30, 132};
};
inline FakeRuntime fake_runtime;

inline DermisCudaEntries fake_entries() {
  DermisCudaEntries entries{};
  entries.abi_version = DERMIS_CUDA_ABI;
  entries.versions = [](int* driver, int* runtime) {
    *driver = fake_runtime.driver;
    *runtime = fake_runtime.runtime;
    return fake_runtime.version_error;
  };
  entries.device_count = [](int* count) {
    *count = fake_runtime.devices;
    return fake_runtime.count_error;
  };
  entries.device = [](int, DermisCudaDevice* device) {
    *device = fake_runtime.device;
    return fake_runtime.device_error;
  };
  entries.use_device = [](int) { return 0; };
  entries.error_text = [](int error) { return error == 1 ? "invalid argument" : "some other error"; };
  return entries;
}

// A machine on which everything is found.
inline CudaSystem fake_system(const DermisCudaEntries& entries) {
  return {[] { return true; }, [] { return std::string("/place/libdermis_cuda.so"); },
          [&entries](const std::string&, std::string&) { return &entries; }};
}

}  // namespace dermis::testing
