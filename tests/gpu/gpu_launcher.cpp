#include "tests/gpu/gpu_launcher.h"

#include <fmt/format.h>

#include <memory>
#include <stdexcept>
#include <utility>

namespace dermis::gpu {
namespace {

using Bytes = std::vector<std::byte>;
constexpr std::byte kPoisons[] = {std::byte{0xff}, std::byte{0x5d}};  // of even and odd runs

// A region of the emulated device and its copy on the GPU.
struct Copy {
  GlobalRegion* region;
  Address address;
  Bytes input, first;  // before all runs, after the first one

  Bytes input_of(int run) const {
    Bytes bytes = input;
    for (size_t i = 0; i < bytes.size(); ++i)
      if (!region->written(i)) bytes[i] = kPoisons[run % 2];
    return bytes;
  }
  // A byte that nothing wrote.
  bool untouched(size_t i, int run, std::byte found) const {
    return !region->written(i) && first[i] == kPoisons[0] && found == kPoisons[run % 2];
  }
  void keep_results(const Bytes& second) {
    for (size_t i = 0; i < first.size(); ++i) {
      if (untouched(i, 1, second[i])) continue;
      if (first[i] != input[i] || !region->written(i)) region->data()[i] = first[i];
      region->write_by_host(i, 1);
    }
  }
};

}  // namespace

GpuLauncher::GpuLauncher(CudaDriver driver, const std::vector<std::vector<uint8_t>>& images, int runs)
    : driver_(std::move(driver)), runs_(runs) {
  for (const std::vector<uint8_t>& image : images) {
    void* module = nullptr;
    check(driver_.load(&module, image.data()), "cuModuleLoadData");
    modules_.push_back(module);
  }
}

void GpuLauncher::check(int error, const std::string& doing) const {
  if (error != 0)
    throw std::runtime_error(fmt::format("{}: {} (CUDA error {})", doing, driver_.error_text(error), error));
}

void* GpuLauncher::find(const std::string& symbol) {
  if (const auto known = functions_.find(symbol); known != functions_.end()) return known->second;
  void* function = nullptr;
  for (size_t i = 0; i < modules_.size() && function == nullptr; ++i) {
    const int error = driver_.find(&function, modules_[i], symbol.c_str());
    if (error == kNotFound)
      function = nullptr;
    else
      check(error, "cuModuleGetFunction " + symbol);
  }
  return functions_[symbol] = function;
}

void move_pointers(std::span<std::byte> bytes, EmulatedDevice& device,
                   const std::function<Address(const GlobalRegion&)>& copy_of) {
  for (size_t at = 0; at + sizeof(uint64_t) <= bytes.size(); at += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    const GlobalRegion* region = device.find(reinterpret_cast<const void*>(word), 0);
    if (region == nullptr) continue;
    word = copy_of(*region) + (word - reinterpret_cast<uint64_t>(region->data()));
    std::memcpy(bytes.data() + at, &word, sizeof(word));
  }
}

bool GpuLauncher::run(const std::string& symbol, EmulatedDevice& device, const Launch& launch,
                      std::span<const std::byte> params) {
  void* function = find(symbol);
  if (function == nullptr) return false;
  if (launch.blocks[0] == 0 || launch.blocks[1] == 0 || launch.blocks[2] == 0) return true;
  ++launches_;
  check(driver_.allow_shared(function, launch.shared_bytes), "shared memory of " + symbol);

  std::vector<Copy> copies;
  const std::shared_ptr<void> release(nullptr, [&](void*) {
    for (const Copy& copy : copies) driver_.release(copy.address);
  });
  for (GlobalRegion* region : device.regions()) {
    copies.push_back({region, 0, Bytes(region->data(), region->data() + region->bytes()), {}});
    check(driver_.allocate(&copies.back().address, std::max<size_t>(region->bytes(), 1)), "device memory");
  }
  const auto copy_of = [&](const GlobalRegion& region) {
    return std::find_if(copies.begin(), copies.end(), [&](const Copy& copy) { return copy.region == &region; })
        ->address;
  };
  // Buffers hold pointers, too: the tables of kernels that work on many tensors.
  for (Copy& copy : copies) move_pointers(copy.input, device, copy_of);
  Bytes moved(params.begin(), params.end());
  move_pointers(moved, device, copy_of);

  for (int run = 0; run < runs_; ++run) {
    for (const Copy& copy : copies) {
      const Bytes input = copy.input_of(run);
      check(driver_.to_device(copy.address, input.data(), input.size()), "copy to the device");
    }
    void* pointers[] = {moved.data()};
    check(driver_.launch(function, launch.blocks, launch.threads, launch.shared_bytes, pointers),
          "launch of " + symbol);
    check(driver_.wait(), symbol);
    for (Copy& copy : copies) {
      Bytes found(copy.input.size());
      check(driver_.to_host(found.data(), copy.address, found.size()), "copy from the device");
      if (run == 0) copy.first = found;
      for (size_t i = 0; i < found.size(); ++i)
        if (found[i] != copy.first[i] && !copy.untouched(i, run, found[i]))
          throw std::runtime_error(
              fmt::format("{}: run {} differs from the first at byte {} of a buffer of {} bytes: a race, or a read of "
                          "what nothing wrote",
                          symbol, run + 1, i, found.size()));
      if (run == 1) copy.keep_results(found);
    }
  }
  return true;
}

}  // namespace dermis::gpu
