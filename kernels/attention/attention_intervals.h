// Intervals of visible keys, and the orders in which kernels take their tiles, on a device.
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>

#include "kernels/attention/device/params.h"
#include "kernels/visible_keys/visible_keys.h"

namespace dermis {

// Pointers into `storage`, one int32 tensor.
struct DeviceIntervals {
  at::Tensor storage;
  KeyIntervals visible;
  const int32_t* tile_order = nullptr;      // of the forward kernel
  const int32_t* row_tile_order = nullptr;  // of the backward kernels, null unless asked for
  const int32_t* key_tile_order = nullptr;
};

// Made at the first call for a VisibleKeys, device, head size (one that has kernels) and number of query heads a key
// head, and kept beside the VisibleKeys: all layers of a forward and backward pass share one upload, a single
// asynchronous copy from pinned memory. Without `backward` the rows that see a key are left out.
std::shared_ptr<const DeviceIntervals> device_intervals(const VisibleKeys& visible, at::Device device,
                                                        int64_t head_size, int64_t group, bool backward);

}  // namespace dermis
