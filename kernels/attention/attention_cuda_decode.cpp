#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <map>
#include <string>

#include "kernels/attention/attention_checks.h"
#include "kernels/attention/attention_cuda.h"
#include "kernels/attention/device/decode_launch.h"

namespace dermis {
namespace {

constexpr const char* kName = "attention_decode";

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

// Where the kernel finds the keys of all sequences, and what it is told about them.
struct DecodeKeys {
  KeyCache<void> k, v;
  const int32_t *begins = nullptr, *ends = nullptr, *page_table = nullptr;
  int64_t max_pages = 0, key_heads = 0;
  int64_t most = 0;  // that one sequence reads
};

KeyCache<void> key_cache(const at::Tensor& cache) {
  return {cache.const_data_ptr(), cache.stride(0), cache.stride(1), cache.stride(2)};
}
// All sequences' keys on one axis: every sequence begins at the same address and its interval says where.
KeyCache<void> key_axis(const at::Tensor& keys_SGD) {
  return {keys_SGD.const_data_ptr(), 0, keys_SGD.stride(0), keys_SGD.stride(1)};
}

// `tokens` rows of q a sequence.
AttentionResult decode(const CudaModule& module, const at::Tensor& q_THD, int64_t tokens, const DecodeKeys& keys,
                       const AttentionDecodeOptions& options, c10::function_ref<std::string()> shapes) {
  const int64_t T = q_THD.size(0), H = q_THD.size(1), D = q_THD.size(2), G = keys.key_heads, sequences = T / tokens;
  const int splits =
      decode_splits(static_cast<int>(D), sequences, G, keys.most, multiprocessors_of(module, q_THD.device()));
  const auto fp32 = q_THD.options().dtype(at::kFloat);
  const AttentionResult result{device_empty(kName, {T, H, D}, q_THD.options()), device_empty(kName, {H, T}, fp32)};
  const at::Tensor partials = device_empty(kName, {decode_partial_floats(sequences, tokens, H, D, splits)}, fp32);
  const at::Tensor tickets = zero_tickets(q_THD.device(), sequences * G);

  AttentionDecodeParams<void> p;
  p.q = token_heads(q_THD);
  p.o = writable_token_heads(result.o_THD);
  p.lse = result.lse_HT.mutable_data_ptr<float>();
  p.k = keys.k;
  p.v = keys.v;
  p.page_table = keys.page_table;
  p.key_begin = keys.begins;
  p.key_end = keys.ends;
  p.partials = partials.mutable_data_ptr<float>();
  p.tickets = reinterpret_cast<uint32_t*>(tickets.mutable_data_ptr<int32_t>());
  p.sequences = static_cast<int32_t>(sequences);
  p.tokens = static_cast<int32_t>(tokens);
  p.max_pages = static_cast<int32_t>(keys.max_pages);
  p.H = static_cast<int32_t>(H);
  p.G = static_cast<int32_t>(G);
  p.splits = splits;
  p.window = options.window;
  p.scale = static_cast<float>(attention_scale(q_THD, {options.scale, options.softcap}));
  p.softcap = static_cast<float>(options.softcap);
  launch_kernel(module, kName, shapes, q_THD, [&](void* stream) {
    return module.entries->attention_decode(element_type(q_THD), static_cast<int>(D), p, stream);
  });
  return result;
}

// Rows and tokens are counted in 32 bits, with room for the tiles that splits share out past the last token.
void check_decode_limits(const at::Tensor& q_THD, int64_t tokens, const CachedSequences& sequences, int64_t G) {
  constexpr int64_t kMost = (int64_t{1} << 31) - (int64_t{1} << 14);
  const int64_t H = q_THD.size(1);
  int64_t longest = 0;
  for (int64_t b = 0; b < sequences.count(); ++b) longest = std::max<int64_t>(longest, sequences.length(b));
  check_kernel_limit(kName, "query rows a key/value head (N H / G)", tokens * (H / G), kDecodeMaxRows, q_THD,
                     "give fewer tokens a call");
  check_kernel_limit(kName, "rows of all heads", q_THD.size(0) * H, kMost, q_THD, "split the batch");
  check_kernel_limit(kName, "tokens in a sequence", longest, kMost, q_THD, "shorten the longest sequence");
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
  const int64_t G = k_SGD.size(1);
  const auto intervals =
      device_intervals(visible, q_THD.device(), q_THD.size(2), q_THD.size(1) / G, /*backward=*/false);
  DecodeKeys keys{.k = key_axis(k_SGD), .v = key_axis(v_SGD), .key_heads = G};
  keys.begins = intervals->visible.lo;
  keys.ends = intervals->visible.hi;
  for (size_t row = 0; row < visible.lo().size(); ++row)
    keys.most = std::max<int64_t>(keys.most, visible.hi()[row] - visible.lo()[row]);
  return decode(module, q_THD, /*tokens=*/1, keys, {options.scale, options.softcap},
                [&] { return attention_shapes(q_THD, k_SGD); });
}

AttentionResult attention_cuda_decode(const CudaModule& module, const at::Tensor& q_THD, int64_t tokens,
                                      const at::Tensor& k_cache, const at::Tensor& v_cache,
                                      const CachedSequences& sequences, const AttentionDecodeOptions& options) {
  const at::Tensor q = q_THD.stride(2) == 1 ? q_THD : device_contiguous(kName, q_THD);
  check_cuda_attention_operands(kName, q, k_cache, v_cache, {options.scale, options.softcap});
  check_decode_limits(q, tokens, sequences, k_cache.size(2));
  const auto places = naming_lack_of_memory(
      kName, [] { return std::string("lengths and page table"); }, q.device(),
      [&] { return sequences.on(q.device()); });
  DecodeKeys keys{.k = key_cache(k_cache), .v = key_cache(v_cache), .key_heads = k_cache.size(2)};
  keys.begins = places->begins;
  keys.ends = places->ends;
  keys.page_table = places->page_table;
  keys.max_pages = sequences.max_pages();
  for (int64_t b = 0; b < sequences.count(); ++b) {
    const int64_t length = sequences.length(b), seen = options.window + tokens - int64_t{1};
    keys.most = std::max(keys.most, options.window > 0 ? std::min(length, seen) : length);
  }
  return decode(module, q, tokens, keys, options, [&] { return attention_shapes(q, k_cache); });
}

}  // namespace dermis
