#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <map>

#include "kernels/attention/attention_checks.h"
#include "kernels/attention/attention_cuda.h"
#include "kernels/attention/device/decode_launch.h"

namespace dermis {
namespace {

constexpr const char* kName = "attention, decode";

int multiprocessors_of(const CudaModule& module, const at::Device& device) {
  const auto index = static_cast<size_t>(device.has_index() ? device.index() : 0);
  return index < module.facts.devices.size() ? module.facts.devices[index].multiprocessors : 1;
}

// Zeros that the kernel takes its tickets from and leaves zero again. They are kept, as to fill them for each call
// would be a launch of its own. Calls of one thread on one stream do not overlap, so they share them.
at::Tensor zero_tickets(const at::Device& device, int64_t count) {
  constexpr int64_t kFewest = 1024;
  using DeviceStream = std::pair<c10::DeviceIndex, c10::StreamId>;
  static thread_local std::map<DeviceStream, at::Tensor> kept;
  const c10::StreamId stream = device.is_cuda() ? c10::impl::VirtualGuardImpl(at::kCUDA).getStream(device).id() : 0;
  at::Tensor& tickets = kept[{device.index(), stream}];
  if (!tickets.defined() || tickets.numel() < count) {
    const auto options = at::TensorOptions().dtype(at::kInt).device(device);
    tickets = device_empty(kName, {std::max(count, kFewest)}, options).zero_();
  }
  return tickets;
}

}  // namespace

bool rows_share_no_key(const VisibleKeys& visible) {
  const auto lo = visible.lo(), hi = visible.hi();
  for (size_t row = 0; row + 1 < lo.size(); ++row)
    if (lo[row + 1] < hi[row]) return false;
  return true;
}

AttentionResult attention_cuda_decode(const CudaModule& module, const at::Tensor& q_THD, const at::Tensor& k_SGD,
                                      const at::Tensor& v_SGD, const VisibleKeys& visible,
                                      const AttentionOptions& options) {
  const int64_t T = q_THD.size(0), H = q_THD.size(1), D = q_THD.size(2), G = k_SGD.size(1);
  const auto intervals = device_intervals(visible, q_THD.device(), D, H / G, /*backward=*/false);
  int64_t most_keys = 0;
  for (size_t row = 0; row < visible.lo().size(); ++row)
    most_keys = std::max<int64_t>(most_keys, visible.hi()[row] - visible.lo()[row]);
  const int splits = decode_splits(static_cast<int>(D), T, G, most_keys, multiprocessors_of(module, q_THD.device()));
  const auto fp32 = q_THD.options().dtype(at::kFloat);
  const AttentionResult result{device_empty(kName, {T, H, D}, q_THD.options()), device_empty(kName, {H, T}, fp32)};
  const at::Tensor partials = device_empty(kName, {decode_partial_floats(T, 1, H, D, splits)}, fp32);
  const at::Tensor tickets = zero_tickets(q_THD.device(), T * G);

  AttentionDecodeParams<void> p;
  p.q = token_heads(q_THD);
  p.o = writable_token_heads(result.o_THD);
  p.lse = result.lse_HT.mutable_data_ptr<float>();
  // All sequences' keys lie on one axis, so every sequence begins at the same address and its interval says where.
  p.k = {k_SGD.const_data_ptr(), 0, k_SGD.stride(0), k_SGD.stride(1)};
  p.v = {v_SGD.const_data_ptr(), 0, v_SGD.stride(0), v_SGD.stride(1)};
  p.key_begin = intervals->visible.lo;
  p.key_end = intervals->visible.hi;
  p.partials = partials.mutable_data_ptr<float>();
  p.tickets = reinterpret_cast<uint32_t*>(tickets.mutable_data_ptr<int32_t>());
  p.sequences = static_cast<int32_t>(T);
  p.H = static_cast<int32_t>(H);
  p.G = static_cast<int32_t>(G);
  p.splits = splits;
  p.scale = static_cast<float>(attention_scale(q_THD, options));
  p.softcap = static_cast<float>(options.softcap);
  launch_kernel(
      module, kName, [&] { return attention_shapes(q_THD, k_SGD); }, q_THD,
      [&](void* stream) {
        return module.entries->attention_decode(element_type(q_THD), static_cast<int>(D), p, stream);
      });
  return result;
}

}  // namespace dermis
