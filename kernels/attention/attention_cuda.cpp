#include "kernels/attention/attention_cuda.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/error.h"
#include "kernels/attention/attention_checks.h"
#include "kernels/operand/operand.h"

namespace dermis {
namespace {

constexpr int64_t kRowAlignment = 16;  // bytes: what one asynchronous copy moves
// Kernels count rows of all heads in 32 bits, with room for a tile beyond the last.
constexpr int64_t kMostRows = (int64_t{1} << 31) - 257;

constexpr int64_t kHeadSizes[] = {64, 72, 128, 256};  // that kernels are instantiated for

// Whether every row of a tensor [..., D] is contiguous and begins at a multiple of 16 bytes.
bool rows_aligned(const at::Tensor& x) {
  const auto address = reinterpret_cast<uintptr_t>(x.const_data_ptr());
  if (address % kRowAlignment != 0 || x.stride(-1) != 1) return false;
  for (int64_t dim = 0; dim < x.dim() - 1; ++dim)  // the stride of a single entry is never used
    if (x.size(dim) > 1 && x.stride(dim) * x.element_size() % kRowAlignment != 0) return false;
  return true;
}

// Both kinds of parameters begin with the same operands.
template <class Params>
Params common_params(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                     const DeviceIntervals& intervals, const AttentionOptions& options) {
  Params p;
  p.q = token_heads(q_THD);
  p.k = token_heads(k_SGD);
  p.v = token_heads(v_SGD);
  p.visible = intervals.visible;
  p.T = static_cast<int32_t>(q_THD.size(0));
  p.S = static_cast<int32_t>(k_SGD.size(0));
  p.H = static_cast<int32_t>(q_THD.size(1));
  p.G = static_cast<int32_t>(k_SGD.size(1));
  p.scale = static_cast<float>(attention_scale(q_THD, options));
  p.softcap = static_cast<float>(options.softcap);
  return p;
}

}  // namespace

TokenHeads<const void> token_heads(const at::Tensor& x) { return {x.const_data_ptr(), x.stride(0), x.stride(1)}; }
TokenHeads<void> writable_token_heads(const at::Tensor& x) { return {x.mutable_data_ptr(), x.stride(0), x.stride(1)}; }

std::string attention_shapes(const at::Tensor& q, const at::Tensor& k) {
  return fmt::format("q {}, k and v {}", describe(q), describe(k));
}

const CudaModule* attention_module(const char* op, const at::Tensor& q) {
  const bool half = q.scalar_type() == at::kBFloat16 || q.scalar_type() == at::kHalf;
  return half ? cuda_kernels_for(op, q) : nullptr;
}

bool gpu_attention_takes(int64_t head_size) {
  return std::find(std::begin(kHeadSizes), std::end(kHeadSizes), head_size) != std::end(kHeadSizes);
}
std::string gpu_attention_head_sizes() { return fmt::format("{}", fmt::join(kHeadSizes, ", ")); }

void check_cuda_attention_operands(const char* op, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                                   const AttentionOptions& options) {
  const auto refuse = [&](const char* what, const std::string& expected, const std::string& found,
                          const std::string& fix) {
    throw Error(ErrorKind::usage, {.what = fmt::format("{} on a GPU: {}", op, what),
                                   .where = attention_shapes(q, k),
                                   .expected = expected,
                                   .found = found,
                                   .fix = fix});
  };
  if (!gpu_attention_takes(q.size(-1))) {
    refuse("there are no kernels for this head size", gpu_attention_head_sizes(), fmt::format("{}", q.size(-1)),
           "choose another head size, fp32, or LibTorch's operators (DERMIS_GPU_OPERATORS=libtorch)");
  }
  if (!(options.scale >= 0)) {
    refuse("the scale of scores must be positive", "a scale above 0, or 0 for 1 / sqrt(D)",
           fmt::format("{}", options.scale), "negate the queries instead");
  }
  const std::pair<const char*, const at::Tensor*> operands[] = {{"q", &q}, {"k", &k}, {"v", &v}};
  for (const auto& [name, x] : operands) {
    if (rows_aligned(*x)) continue;
    refuse(
        "rows of an operand are not aligned",
        fmt::format("contiguous rows that begin at multiples of {} bytes", kRowAlignment),
        fmt::format("{} at {} with strides of {} elements", name, x->const_data_ptr(), fmt::join(x->strides(), ", ")),
        "slice projections at multiples of 8 elements, or pass a contiguous copy");
  }
}

void check_cuda_attention(const at::Tensor& q_THD, const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                          const AttentionOptions& options) {
  check_cuda_attention_operands("attention", q_THD, k_SGD, v_SGD, options);
  const int64_t T = q_THD.size(0), S = k_SGD.size(0), H = q_THD.size(1), G = k_SGD.size(1);
  if (T <= kMostRows / std::max<int64_t>(H, 1) && S <= kMostRows / G) return;
  throw Error(ErrorKind::usage, {.what = "attention on a GPU: too many rows for the kernels' 32-bit row numbers",
                                 .where = attention_shapes(q_THD, k_SGD),
                                 .expected = fmt::format("T H and S G of at most {}", kMostRows),
                                 .found = fmt::format("{} and {}", T * H, S * G),
                                 .fix = "split the batch"});
}

AttentionForwardParams<void> attention_forward_params(const at::Tensor& q_THD, const at::Tensor& k_SGD,
                                                      const at::Tensor& v_SGD, const AttentionResult& result,
                                                      const DeviceIntervals& intervals,
                                                      const AttentionOptions& options) {
  auto p = common_params<AttentionForwardParams<void>>(q_THD, k_SGD, v_SGD, intervals, options);
  p.o = writable_token_heads(result.o_THD);
  p.lse = result.lse_HT.mutable_data_ptr<float>();
  p.tile_order = intervals.tile_order;
  return p;
}

AttentionBackwardParams<void> attention_backward_params(const at::Tensor& q_THD, const at::Tensor& k_SGD,
                                                        const at::Tensor& v_SGD, const AttentionResult& forward,
                                                        const at::Tensor& grad_o_THD,
                                                        const AttentionCudaGradients& gradients,
                                                        const at::Tensor& statistics, const DeviceIntervals& intervals,
                                                        const AttentionOptions& options) {
  auto p = common_params<AttentionBackwardParams<void>>(q_THD, k_SGD, v_SGD, intervals, options);
  p.o = token_heads(forward.o_THD);
  p.lse = forward.lse_HT.const_data_ptr<float>();
  p.grad_o = token_heads(grad_o_THD);
  p.grad_q = writable_token_heads(gradients.q_THD);
  p.grad_k = writable_token_heads(gradients.k_SGD);
  p.grad_v = writable_token_heads(gradients.v_SGD);
  p.statistics = static_cast<RowStatistics*>(statistics.mutable_data_ptr());
  p.row_tile_order = intervals.row_tile_order;
  p.key_tile_order = intervals.key_tile_order;
  return p;
}

AttentionResult attention_cuda_forward(const CudaModule& module, const at::Tensor& q_THD, const at::Tensor& k_SGD,
                                       const at::Tensor& v_SGD, const VisibleKeys& visible,
                                       const AttentionOptions& options, bool backward) {
  const int64_t T = q_THD.size(0), H = q_THD.size(1), D = q_THD.size(2);
  const auto intervals = device_intervals(visible, q_THD.device(), D, H / k_SGD.size(1), backward);
  const AttentionResult result{device_empty("attention", {T, H, D}, q_THD.options()),
                               device_empty("attention", {H, T}, q_THD.options().dtype(at::kFloat))};
  const auto params = attention_forward_params(q_THD, k_SGD, v_SGD, result, *intervals, options);
  launch_kernel(
      module, "attention", [&] { return attention_shapes(q_THD, k_SGD); }, q_THD,
      [&](void* stream) {
        return module.entries->attention_forward(element_type(q_THD), static_cast<int>(D), params, stream);
      });
  return result;
}

AttentionCudaGradients attention_cuda_backward(const CudaModule& module, const at::Tensor& q_THD,
                                               const at::Tensor& k_SGD, const at::Tensor& v_SGD,
                                               const VisibleKeys& visible, const AttentionOptions& options,
                                               const AttentionResult& forward, const at::Tensor& grad_o_THD) {
  const char* op = "attention, backward";
  const int64_t D = q_THD.size(2);
  const auto intervals = device_intervals(visible, q_THD.device(), D, q_THD.size(1) / k_SGD.size(1), true);
  // Autograd hands over whatever view it has at hand: an expanded number, a slice.
  const bool as_it_is = grad_o_THD.stride(2) == 1 && rows_aligned(grad_o_THD);
  const at::Tensor grad_o = as_it_is ? grad_o_THD : grad_o_THD.contiguous();
  const AttentionCudaGradients gradients{device_empty(op, q_THD.sizes(), q_THD.options()),
                                         device_empty(op, k_SGD.sizes(), k_SGD.options()),
                                         device_empty(op, v_SGD.sizes(), v_SGD.options())};
  const int64_t rows = statistics_rows(q_THD.size(0), q_THD.size(1), k_SGD.size(1));
  const at::Tensor statistics = device_empty(
      op, {k_SGD.size(1), rows, static_cast<int64_t>(sizeof(RowStatistics) / sizeof(float))}, forward.lse_HT.options());
  const auto params =
      attention_backward_params(q_THD, k_SGD, v_SGD, forward, grad_o, gradients, statistics, *intervals, options);
  launch_kernel(
      module, op, [&] { return attention_shapes(q_THD, k_SGD); }, q_THD,
      [&](void* stream) {
        return module.entries->attention_backward(element_type(q_THD), static_cast<int>(D), params, stream);
      });
  return gradients;
}

}  // namespace dermis
