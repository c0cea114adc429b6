#include "kernels/attention/attention_intervals.h"

#include "core/error.h"
#include "kernels/attention/device/backward_launch.h"
#include "kernels/attention/device/forward_launch.h"
#include "kernels/attention/packed_upload.h"

namespace dermis {
namespace {

std::vector<int32_t> forward_order(const VisibleKeys& visible, int64_t head_size, int64_t group) {
  switch (head_size) {
    case 64: return forward_tile_order<64>(visible.lo(), visible.hi(), group);
    case 72: return forward_tile_order<72>(visible.lo(), visible.hi(), group);
    case 128: return forward_tile_order<128>(visible.lo(), visible.hi(), group);
    default: DERMIS_CHECK(head_size == 256, "a head size with kernels"); break;
  }
  return forward_tile_order<256>(visible.lo(), visible.hi(), group);
}

std::shared_ptr<const DeviceIntervals> upload(const VisibleKeys& visible, at::Device device, int64_t head_size,
                                              int64_t group, bool backward) {
  const std::vector<int32_t> order = forward_order(visible, head_size, group);
  const VisibleKeys seen = backward ? visible.transposed() : VisibleKeys();
  std::vector<int32_t> row_order, key_order;
  if (backward) {
    const int size = static_cast<int>(head_size);
    row_order = backward_row_tile_order(size, visible.lo(), visible.hi(), group);
    key_order = backward_key_tile_order(size, seen.lo(), seen.hi());
  }
  PackedUpload all;
  const size_t lo = all.add(visible.lo()), hi = all.add(visible.hi()), tiles = all.add(order);
  const size_t from = all.add(seen.lo()), to = all.add(seen.hi());
  const size_t row_tiles = all.add(row_order), key_tiles = all.add(key_order);
  auto result = std::make_shared<DeviceIntervals>();
  result->storage = all.run(device);
  const int32_t* data = result->storage.const_data_ptr<int32_t>();
  result->visible = {.lo = data + lo, .hi = data + hi};
  result->tile_order = data + tiles;
  if (!backward) return result;
  result->visible.seen_from = data + from;
  result->visible.seen_to = data + to;
  result->row_tile_order = data + row_tiles;
  result->key_tile_order = data + key_tiles;
  return result;
}

}  // namespace

std::shared_ptr<const DeviceIntervals> device_intervals(const VisibleKeys& visible, at::Device device,
                                                        int64_t head_size, int64_t group, bool backward) {
  // Exact, not a hash: no two uses share a number. A head size takes 9 bits, a group at most 31.
  const auto place = static_cast<uint64_t>(device.is_cpu() ? 0 : device.index() + 1);
  const uint64_t use = place << 48 | static_cast<uint64_t>(group) << 16 | static_cast<uint64_t>(head_size) << 1 |
                       static_cast<uint64_t>(backward);
  return std::static_pointer_cast<const DeviceIntervals>(
      visible.kept(use, [&] { return upload(visible, device, head_size, group, backward); }));
}

}  // namespace dermis
