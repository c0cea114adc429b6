#include "kernels/rope/rope.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/cuda/cuda_rows.h"
#include "kernels/operand/operand.h"
#include "kernels/rope/rope_cuda.h"
#include "kernels/rope/rope_rows.h"
#include "kernels/simd/cpu_features.h"
#include "kernels/simd/row_blocks.h"

namespace dermis {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr const char* kName = "rope";

Backend<RopeKernels> backend_of(const at::Tensor& x, const RopeTable& table) {
  if (const CudaModule* module = cuda_kernels_for(kName, x); module != nullptr) return {.cuda = module};
  return {.cpu = is_cpu_fp32(x) && is_cpu_fp32(table.cos_TD2) ? choose_kernels(kRopeAvx2, kRopeAvx512) : nullptr};
}

void launch_rotation(const CudaModule& module, const at::Tensor& x, const at::Tensor& y, const at::Tensor& cos_TD2,
                     const at::Tensor& sin_TD2, float direction) {
  const auto on_device = [&](const at::Tensor& angles) {
    return naming_lack_of_memory(kName, x, [&] { return angles.to(x.device(), at::kFloat); });
  };
  const at::Tensor cosines = on_device(cos_TD2), sines = on_device(sin_TD2);
  const RopeParams params{.type = element_type(x),
                          .x = x.const_data_ptr(),
                          .x_token_stride = x.stride(0),
                          .x_head_stride = x.stride(1),
                          .y = y.mutable_data_ptr(),
                          .y_token_stride = y.stride(0),
                          .y_head_stride = y.stride(1),
                          .cosines = cosines.const_data_ptr<float>(),
                          .sines = sines.const_data_ptr<float>(),
                          .tokens = x.size(0),
                          .heads = static_cast<int32_t>(x.size(1)),
                          .head_size = static_cast<int32_t>(x.size(2)),
                          .direction = direction};
  launch_kernel(module, kName, x, [&](void* stream) { return module.entries->rope(params, stream); });
}

at::Tensor rotate(const Backend<RopeKernels>& backend, const at::Tensor& x_THD, const at::Tensor& cos_TD2,
                  const at::Tensor& sin_TD2, float direction) {
  if (backend.cuda != nullptr) check_pieces(kName, x_THD.size(0) * x_THD.size(1), x_THD.size(2) / 2, x_THD);
  const at::Tensor x = x_THD.stride(2) == 1 ? x_THD : device_contiguous(kName, x_THD);
  at::Tensor y = device_empty(kName, x.sizes(), x.options().memory_format(at::MemoryFormat::Contiguous));
  if (backend.cuda != nullptr) {
    launch_rotation(*backend.cuda, x, y, cos_TD2, sin_TD2, direction);
    return y;
  }
  const RopeRows arguments{x.const_data_ptr<float>(),
                           cos_TD2.const_data_ptr<float>(),
                           sin_TD2.const_data_ptr<float>(),
                           y.mutable_data_ptr<float>(),
                           x.stride(0),
                           x.stride(1),
                           x.size(1),
                           x.size(2) / 2,
                           direction};
  for_rows(x.size(0), x.size(1) * x.size(2),
           [&](int64_t begin, int64_t end) { backend.cpu->rotate(arguments, begin, end); });
  return y;
}

struct RopeFunction : torch::autograd::Function<RopeFunction> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x_THD, const at::Tensor& cos_TD2,
                            const at::Tensor& sin_TD2, const Backend<RopeKernels>& backend) {
    ctx->save_for_backward({cos_TD2, sin_TD2});
    ctx->saved_data["module"] = module_number(backend.cuda);
    return rotate(backend, x_THD, cos_TD2, sin_TD2, 1);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Backend<RopeKernels> backend{.cpu = choose_kernels(kRopeAvx2, kRopeAvx512),
                                       .cuda = module_of_number(ctx->saved_data["module"].toInt())};
    return {rotate(backend, grads[0], saved[0], saved[1], -1), {}, {}, {}};
  }
};

// From LibTorch operators: fp64, 16-bit types on the CPU. Autograd differentiates it.
at::Tensor composed_rope(const at::Tensor& x_THD, const RopeTable& table) {
  const auto wide = statistics_type(x_THD);
  const int64_t half = x_THD.size(2) / 2;
  const at::Tensor cos_T1D2 = table.cos_TD2.to(x_THD.device(), wide).unsqueeze(1);
  const at::Tensor sin_T1D2 = table.sin_TD2.to(x_THD.device(), wide).unsqueeze(1);
  const at::Tensor x1 = x_THD.narrow(2, 0, half).to(wide), x2 = x_THD.narrow(2, half, half).to(wide);
  return at::cat({x1 * cos_T1D2 - x2 * sin_T1D2, x2 * cos_T1D2 + x1 * sin_T1D2}, -1).to(x_THD.scalar_type());
}

}  // namespace

at::Tensor rope(const at::Tensor& x_THD, const RopeTable& table) {
  check_operand(x_THD.defined() && x_THD.dim() == 3 && x_THD.is_floating_point() && x_THD.size(2) % 2 == 0, kName, "x",
                "floating [T, H, D], D even", x_THD);
  for (const at::Tensor* angles : {&table.cos_TD2, &table.sin_TD2})
    check_operand(angles->defined() && angles->dim() == 2 && angles->size(0) == x_THD.size(0) &&
                      angles->size(1) == x_THD.size(2) / 2 && angles->is_contiguous(),
                  kName, "table", "contiguous [T, D / 2] with T and D of x", *angles);
  const Backend<RopeKernels> backend = backend_of(x_THD, table);
  if (!backend) return naming_lack_of_memory(kName, x_THD, [&] { return composed_rope(x_THD, table); });
  return needs_gradient({&x_THD}) ? RopeFunction::apply(x_THD, table.cos_TD2, table.sin_TD2, backend)
                                  : rotate(backend, x_THD, table.cos_TD2, table.sin_TD2, 1);
}

}  // namespace dermis
