// The regions of an emulated device on a GPU, for the runs of one launch: what each run begins with, and whether all
// end with the same bytes.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "tests/emulator/device_memory.h"
#include "tests/gpu/cuda_driver.h"

namespace dermis::gpu {

// Throws std::runtime_error with the driver's words.
void check_cuda(const CudaDriver& driver, int error, const std::string& doing);

// Words of eight bytes in `bytes` that point into a region of `device` then point to the same byte of its copy.
void move_pointers(std::span<std::byte> bytes, EmulatedDevice& device,
                   const std::function<Address(const GlobalRegion&)>& copy_of);

class RegionCopies {
 public:
  // Memory for every region, nothing in it. `params` points into regions of `device`.
  RegionCopies(const CudaDriver& driver, EmulatedDevice& device, std::span<const std::byte> params);
  ~RegionCopies();
  RegionCopies(const RegionCopies&) = delete;
  RegionCopies& operator=(const RegionCopies&) = delete;

  void* params() { return params_.data(); }  // they point to the copies

  // What no test wrote stays as it was allocated.
  void upload_written();

  // Before and after run 0, 1, 2 ... What no test wrote holds other bytes in every second run. From the third run on,
  // only regions that runs change or that hold such bytes are set anew, by copies on the device, and read back.
  // compare() throws std::runtime_error when a run differs from the first.
  void begin(int run);
  void compare(int run, const std::string& symbol);
  // After the last run: regions that the first two left alone still are what they were.
  void compare_constant(const std::string& symbol);

  void keep_results();  // in the regions; what no run wrote stays unwritten

 private:
  using Bytes = std::vector<std::byte>;
  struct Copy {
    GlobalRegion* region = nullptr;
    Address address = 0;
    std::vector<bool> written;  // by tests
    Bytes input[2], result[2];  // of even and odd runs
    Address kept[2] = {0, 0};   // the inputs, on the device
    bool constant = false;

    bool untouched(size_t byte) const;  // by both runs
  };
  Address allocate(size_t bytes);
  void upload(Address to, std::span<const std::byte> bytes);
  Bytes download(const Copy& copy);

  const CudaDriver& driver_;
  std::vector<Copy> copies_;
  Bytes params_;
};

}  // namespace dermis::gpu
