// A GPU that is the emulator: while an EmulatedGpu lives, CPU tensors lie in its memory (with red zones, every access
// of a kernel checked) and they are served by the very kernels that nvcc compiles, run as fibers. So the way
// from at::Tensor to a kernel's parameters and back is tested without a device. Slow: small shapes only.
#pragma once

#include <c10/core/CPUAllocator.h>

#include <cstring>
#include <map>
#include <mutex>

#include "kernels/cuda/cuda_kernels.h"
#include "tests/emulator/emulate.h"
#include "tests/kernels/cuda/fake_module.h"

namespace dermis::testing {

// CPU memory of LibTorch as buffers of an emulated device.
class EmulatedMemory : public c10::Allocator {
 public:
  EmulatedMemory() : before_(c10::GetCPUAllocator()) { c10::SetCPUAllocator(this); }
  ~EmulatedMemory() override { c10::SetCPUAllocator(before_); }

  c10::DataPtr allocate(size_t bytes) override {
    constexpr size_t kGranule = 2;
    auto region = std::make_unique<GlobalRegion>((bytes + kGranule - 1) / kGranule * kGranule, kGranule);
    region->write_by_host(0, region->bytes());  // whatever LibTorch puts there
    void* data = region->data();
    const std::scoped_lock lock(memory().mutex);
    memory().device.add(region.get());
    memory().regions[data] = std::move(region);
    return {data, data, &free, c10::Device(c10::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &free; }
  void copy_data(void* to, const void* from, size_t bytes) const override { std::memcpy(to, from, bytes); }

  static EmulatedDevice& device() { return memory().device; }

 private:
  // Outlives every tensor.
  struct Memory {
    std::mutex mutex;
    EmulatedDevice device;
    std::map<void*, std::unique_ptr<GlobalRegion>> regions;
  };
  static Memory& memory() {
    static Memory* memory = new Memory;
    return *memory;
  }
  static void free(void* data) {
    const std::scoped_lock lock(memory().mutex);
    const auto found = memory().regions.find(data);
    memory().device.remove(found->second.get());
    memory().regions.erase(found);
  }

  c10::Allocator* before_;
};

// What launch_on_gpu is on a GPU.
template <class K>
int launch_in_emulator(const Launch& launch, const typename K::Params& params) {
  if (launch.blocks[0] == 0 || launch.blocks[1] == 0 || launch.blocks[2] == 0) return 0;
  emulate<K>(EmulatedMemory::device(), launch, params, {.seed = 1});
  return 0;
}

class EmulatedGpu {
 public:
  // `entries`: launchers to add to those of fake_entries().
  explicit EmulatedGpu(const DermisCudaEntries& entries)
      : entries_(entries), module_{&entries_, {13000, 13000, {{"Emulator", 8, 0, 0, 16}}}, ""}, device_(module_) {}

 private:
  EmulatedMemory memory_;
  DermisCudaEntries entries_;
  CudaModule module_;
  CpuAsGpu device_;
};

}  // namespace dermis::testing
