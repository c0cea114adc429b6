// Several lists of int32 in one tensor on a device: one copy for all that a kernel is told beside its operands.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace dermis {

class PackedUpload {
 public:
  // Returns where the part will begin. Its numbers must be there until run().
  size_t add(std::span<const int32_t> part) {
    const size_t at = size_;
    parts_.emplace_back(at, part);
    size_ = (at + part.size() + kPartAlignment - 1) / kPartAlignment * kPartAlignment;
    return at;
  }
  // Asynchronous, from pinned memory.
  at::Tensor run(at::Device device) const {
    const auto options = at::TensorOptions().dtype(at::kInt);
    const at::Tensor host = at::empty({static_cast<int64_t>(size_)}, options.pinned_memory(device.is_cuda()));
    for (const auto& [at, part] : parts_) std::copy(part.begin(), part.end(), host.mutable_data_ptr<int32_t>() + at);
    return host.to(device, /*non_blocking=*/true);
  }

 private:
  // Parts begin at multiples of this many numbers, so that kernels may read 16 bytes at once.
  static constexpr size_t kPartAlignment = 4;

  std::vector<std::pair<size_t, std::span<const int32_t>>> parts_;
  size_t size_ = 0;
};

}  // namespace dermis
