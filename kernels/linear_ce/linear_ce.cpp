#include "kernels/linear_ce/linear_ce.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "core/error.h"
#include "kernels/cuda/cuda_rows.h"
#include "kernels/linear_ce/linear_ce_cuda.h"
#include "kernels/linear_ce/linear_ce_rows.h"
#include "kernels/operand/operand.h"
#include "kernels/simd/cpu_features.h"

namespace dermis {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr const char* kName = "linear_cross_entropy";

// Logits held at a time: 8 MiB of fp32 fit a last-level cache; below 64 rows a product would be bound by reading W.
constexpr int64_t kChunkLogits = 1 << 21, kFewestChunkRows = 64;

struct Problem {
  at::Tensor x_LC, weight_VC;
  std::span<const int32_t> labels;
  std::span<const float> label_weights;
  LinearCeOptions options;
};

struct Wanted {
  bool x, weight;
  bool any() const { return x || weight; }
};

struct Solution {
  at::Tensor loss, grad_x, grad_weight;
};

// Turns the logits of rows [begin, begin + logits.size(0)) into their gradient; returns the rows' part of the loss.
double vector_rows(const CrossEntropyKernels& kernels, const Problem& p, int64_t begin, const at::Tensor& logits_LV,
                   bool with_gradient) {
  const int64_t rows = logits_LV.size(0), vocabulary = logits_LV.size(1);
  float* logits = logits_LV.mutable_data_ptr<float>();
  std::vector<double> losses(static_cast<size_t>(rows));
  at::parallel_for(0, rows, std::max<int64_t>(1, 8192 / vocabulary), [&](int64_t first, int64_t last) {
    for (int64_t row = first; row < last; ++row) {
      const auto index = static_cast<size_t>(begin + row);
      const double scale = p.label_weights[index] / p.options.divisor;
      losses[static_cast<size_t>(row)] =
          scale * kernels.row({logits + row * vocabulary, vocabulary, p.labels[index], static_cast<float>(scale),
                               static_cast<float>(p.options.final_softcap), with_gradient});
    }
  });
  double total = 0;
  for (const double loss : losses) total += loss;
  return total;
}

// Labels and scales of all rows on a GPU, copied once for all chunks.
struct DeviceLabels {
  at::Tensor labels_L, scales_L;

  DeviceLabels(const Problem& p, at::Device device) {
    const int64_t rows = p.x_LC.size(0);
    const at::Tensor labels = at::empty({rows}, at::kInt), scales = at::empty({rows}, at::kFloat);
    std::copy(p.labels.begin(), p.labels.end(), labels.mutable_data_ptr<int32_t>());
    std::transform(p.label_weights.begin(), p.label_weights.end(), scales.mutable_data_ptr<float>(),
                   [&](float weight) { return static_cast<float>(weight / p.options.divisor); });
    labels_L = labels.to(device);
    scales_L = scales.to(device);
  }
};

// The same with the CUDA kernel; returns the rows' losses.
at::Tensor cuda_rows(const CudaModule& module, const Problem& p, const DeviceLabels& all, int64_t begin,
                     const at::Tensor& logits_LV, bool with_gradient) {
  const int64_t rows = logits_LV.size(0);
  const auto vocabulary = static_cast<int32_t>(logits_LV.size(1));
  const auto fp32 = logits_LV.options().dtype(at::kFloat);
  const at::Tensor losses = device_empty(kName, {rows}, fp32),
                   scratch = device_empty(kName, {rows, cross_entropy_scratch(vocabulary)}, fp32);
  const CrossEntropyParams params{.type = element_type(logits_LV),
                                  .logits = output_rows(logits_LV),
                                  .labels = all.labels_L.const_data_ptr<int32_t>() + begin,
                                  .scales = all.scales_L.const_data_ptr<float>() + begin,
                                  .losses = losses.mutable_data_ptr<float>(),
                                  .scratch = scratch.mutable_data_ptr<float>(),
                                  .rows = rows,
                                  .vocabulary = vocabulary,
                                  .softcap = static_cast<float>(p.options.final_softcap),
                                  .with_gradient = with_gradient};
  launch_kernel(module, kName, logits_LV, [&](void* stream) { return module.entries->cross_entropy(params, stream); });
  return losses;
}

struct RowsResult {
  at::Tensor loss, grad_logits_LV;
};

// The same from LibTorch operators: fp64, 16-bit types on the CPU.
RowsResult composed_rows(const Problem& p, int64_t begin, const at::Tensor& raw_LV, bool with_gradient) {
  const int64_t rows = raw_LV.size(0);
  const auto wide = statistics_type(raw_LV);
  const double cap = p.options.final_softcap;
  const at::Tensor labels_L1 = at::from_blob(const_cast<int32_t*>(p.labels.data() + begin), {rows, 1}, at::kInt)
                                   .to(raw_LV.device(), at::kLong, false, true);
  const at::Tensor scale_L1 = at::from_blob(const_cast<float*>(p.label_weights.data() + begin), {rows, 1}, at::kFloat)
                                  .to(raw_LV.device(), wide, false, true)
                                  .div(p.options.divisor);
  at::Tensor logits_LV = raw_LV.to(wide);
  if (cap > 0) logits_LV = cap * at::tanh(logits_LV / cap);
  at::Tensor log_p_LV = at::log_softmax(logits_LV, -1);
  RowsResult result{-(log_p_LV.gather(1, labels_L1) * scale_L1).sum(), {}};
  if (!with_gradient) return result;
  result.grad_logits_LV = log_p_LV.exp_().mul_(scale_L1).scatter_add_(1, labels_L1, -scale_L1);
  if (cap > 0) result.grad_logits_LV.mul_(1 - (logits_LV / cap).square_());
  return result;
}

void add_products(const Problem& p, int64_t begin, const at::Tensor& grad_logits_LV, const Wanted& wanted,
                  Solution& solution) {
  const int64_t rows = grad_logits_LV.size(0);
  if (wanted.x) {
    at::Tensor slice = solution.grad_x.narrow(0, begin, rows);
    at::mm_out(slice, grad_logits_LV, p.weight_VC);
  }
  if (!wanted.weight) return;
  const at::Tensor x = p.x_LC.narrow(0, begin, rows);
  if (solution.grad_weight.scalar_type() != x.scalar_type())
    solution.grad_weight.add_(at::mm(grad_logits_LV.t(), x));  // 16-bit operands: the chunks add up in fp32
  else if (begin == 0)
    at::mm_out(solution.grad_weight, grad_logits_LV.t(), x);
  else
    solution.grad_weight.addmm_(grad_logits_LV.t(), x);
}

Solution solve(const Problem& p, const Wanted& wanted) {
  const int64_t rows = p.x_LC.size(0), vocabulary = p.weight_VC.size(0);
  const auto wide = statistics_type(p.x_LC);
  const CudaModule* module = cuda_kernels_for(kName, p.x_LC);
  const CrossEntropyKernels* kernels =
      module == nullptr && is_cpu_fp32(p.x_LC) ? choose_kernels(kCrossEntropyAvx2, kCrossEntropyAvx512) : nullptr;
  const std::optional<DeviceLabels> labels =
      module != nullptr ? std::make_optional<DeviceLabels>(p, p.x_LC.device()) : std::nullopt;
  Solution solution;
  if (wanted.x) solution.grad_x = device_empty(kName, p.x_LC.sizes(), p.x_LC.options());
  if (wanted.weight) {
    const auto options = p.weight_VC.options().dtype(wide);
    const bool written_by_first_chunk = rows > 0 && wide == p.x_LC.scalar_type();
    solution.grad_weight = device_empty(kName, p.weight_VC.sizes(), options);
    if (!written_by_first_chunk) solution.grad_weight.zero_();
  }
  const int64_t chunk = std::min(rows, std::max(kFewestChunkRows, kChunkLogits / vocabulary));
  const at::Tensor buffer = device_empty(kName, {chunk, vocabulary}, p.x_LC.options());
  const at::Tensor weight_CV = p.weight_VC.t();
  double vector_loss = 0;
  at::Tensor composed_loss = at::zeros({}, p.x_LC.options().dtype(wide));
  for (int64_t begin = 0; begin < rows; begin += chunk) {
    const int64_t count = std::min(chunk, rows - begin);
    at::Tensor logits_LV = buffer.narrow(0, 0, count);
    at::mm_out(logits_LV, p.x_LC.narrow(0, begin, count), weight_CV);
    if (kernels != nullptr) {
      vector_loss += vector_rows(*kernels, p, begin, logits_LV, wanted.any());
    } else if (module != nullptr) {
      composed_loss += cuda_rows(*module, p, *labels, begin, logits_LV, wanted.any()).sum();
    } else {
      const RowsResult result = composed_rows(p, begin, logits_LV, wanted.any());
      composed_loss += result.loss;
      if (wanted.any()) logits_LV.copy_(result.grad_logits_LV);
    }
    if (wanted.any()) add_products(p, begin, logits_LV, wanted, solution);
  }
  solution.loss = kernels != nullptr ? at::scalar_tensor(vector_loss, p.x_LC.options()) : composed_loss;
  if (wanted.weight) solution.grad_weight = solution.grad_weight.to(p.weight_VC.scalar_type());
  return solution;
}

// The spans live until forward returns, which is all it needs: gradients are made there.
struct LinearCeFunction : torch::autograd::Function<LinearCeFunction> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x_LC, const at::Tensor& weight_VC,
                            const Problem* problem) {
    Solution solution = solve(*problem, {x_LC.requires_grad(), weight_VC.requires_grad()});
    ctx->saved_data["grad_x"] = std::move(solution.grad_x);
    ctx->saved_data["grad_weight"] = std::move(solution.grad_weight);
    return solution.loss;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    if (ctx->saved_data.empty())
      throw Error(ErrorKind::usage, {.what = "linear_cross_entropy: its gradient was taken before",
                                     .expected = "one backward pass for each forward pass",
                                     .found = "a second one",
                                     .fix = "compute the loss again"});
    // Moved out, so that autograd may keep them as .grad without a copy of [V, C].
    at::Tensor grad_x = std::move(ctx->saved_data["grad_x"]).toTensor();
    at::Tensor grad_weight = std::move(ctx->saved_data["grad_weight"]).toTensor();
    ctx->saved_data.clear();
    const at::Tensor& outer = grads[0];
    const bool is_one = outer.device().is_cpu() && outer.item<double>() == 1.0;
    for (at::Tensor* grad : {&grad_x, &grad_weight})
      if (grad->defined() && !is_one) grad->mul_(outer);
    return {std::move(grad_x), std::move(grad_weight), {}};
  }
};

// Columns of the kernel are 32-bit numbers, up to the end of the last segment.
constexpr int64_t kLargestVocabulary = (int64_t{1} << 31) - kCrossEntropySegment;

void check(const Problem& p) {
  const char* op = kName;
  check_operand(p.x_LC.defined() && p.x_LC.dim() == 2 && p.x_LC.is_floating_point(), op, "x", "floating [L, C]",
                p.x_LC);
  check_operand(p.weight_VC.defined() && p.weight_VC.dim() == 2 && p.weight_VC.size(1) == p.x_LC.size(1) &&
                    p.weight_VC.is_floating_point() && p.weight_VC.device() == p.x_LC.device() &&
                    p.weight_VC.size(0) > 0,
                op, "weight", "floating [V, C], V > 0, with C and device of x", p.weight_VC);
  const auto rows = static_cast<size_t>(p.x_LC.size(0));
  if (p.labels.size() != rows) fail_operand(op, "labels", std::to_string(rows), std::to_string(p.labels.size()));
  if (p.label_weights.size() != rows)
    fail_operand(op, "label_weights", std::to_string(rows), std::to_string(p.label_weights.size()));
  for (size_t row = 0; row < rows; ++row)
    if (p.labels[row] < 0 || p.labels[row] >= p.weight_VC.size(0))
      fail_operand(op, "labels", "0 <= label < " + std::to_string(p.weight_VC.size(0)),
                   std::to_string(p.labels[row]) + " in row " + std::to_string(row));
  if (!(p.options.divisor > 0)) fail_operand(op, "options.divisor", "above 0", std::to_string(p.options.divisor));
  if (cuda_kernels_for(op, p.x_LC) != nullptr)
    check_kernel_limit(op, "tokens in the vocabulary", p.weight_VC.size(0), kLargestVocabulary, p.weight_VC,
                       "use a smaller vocabulary");
}

}  // namespace

at::Tensor linear_cross_entropy(const at::Tensor& x_LC, const at::Tensor& weight_VC, std::span<const int32_t> labels,
                                std::span<const float> label_weights, const LinearCeOptions& options) {
  check({x_LC, weight_VC, labels, label_weights, options});
  return naming_lack_of_memory(kName, weight_VC, [&] {
    const at::Tensor weight = weight_VC.to(x_LC.scalar_type());
    const Problem problem{x_LC.detach().contiguous(), weight.detach(), labels, label_weights, options};
    if (!needs_gradient({&x_LC, &weight})) {
      const at::NoGradGuard no_grad;
      return solve(problem, {false, false}).loss;
    }
    return LinearCeFunction::apply(x_LC, weight, &problem);
  });
}

}  // namespace dermis
