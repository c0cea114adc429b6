#include "kernels/rope/rope.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernels/operand/operand.h"
#include "kernels/rope/rope_rows.h"
#include "kernels/simd/cpu_features.h"
#include "kernels/simd/row_blocks.h"

namespace dermis {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const RopeKernels* vector_kernels(const at::Tensor& x, const RopeTable& table) {
  return is_cpu_fp32(x) && is_cpu_fp32(table.cos_TD2) ? choose_kernels(kRopeAvx2, kRopeAvx512) : nullptr;
}

at::Tensor rotate(const at::Tensor& x_THD, const at::Tensor& cos_TD2, const at::Tensor& sin_TD2, float direction) {
  const at::Tensor x = x_THD.stride(2) == 1 ? x_THD : x_THD.contiguous();
  at::Tensor y = at::empty(x.sizes(), x.options().memory_format(at::MemoryFormat::Contiguous));
  const RopeRows arguments{x.const_data_ptr<float>(),
                           cos_TD2.const_data_ptr<float>(),
                           sin_TD2.const_data_ptr<float>(),
                           y.mutable_data_ptr<float>(),
                           x.stride(0),
                           x.stride(1),
                           x.size(1),
                           x.size(2) / 2,
                           direction};
  const RopeKernels& kernels = *choose_kernels(kRopeAvx2, kRopeAvx512);
  for_rows(x.size(0), x.size(1) * x.size(2),
           [&](int64_t begin, int64_t end) { kernels.rotate(arguments, begin, end); });
  return y;
}

struct RopeFunction : torch::autograd::Function<RopeFunction> {
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x_THD, const at::Tensor& cos_TD2,
                            const at::Tensor& sin_TD2) {
    ctx->save_for_backward({cos_TD2, sin_TD2});
    return rotate(x_THD, cos_TD2, sin_TD2, 1);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    return {rotate(grads[0], saved[0], saved[1], -1), {}, {}};
  }
};

// From LibTorch operators: fp64, 16-bit types, CUDA. Autograd differentiates it.
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
  check_operand(x_THD.defined() && x_THD.dim() == 3 && x_THD.is_floating_point() && x_THD.size(2) % 2 == 0, "rope", "x",
                "floating [T, H, D], D even", x_THD);
  for (const at::Tensor* angles : {&table.cos_TD2, &table.sin_TD2})
    check_operand(angles->defined() && angles->dim() == 2 && angles->size(0) == x_THD.size(0) &&
                      angles->size(1) == x_THD.size(2) / 2 && angles->is_contiguous(),
                  "rope", "table", "contiguous [T, D / 2] with T and D of x", *angles);
  if (vector_kernels(x_THD, table) == nullptr) return composed_rope(x_THD, table);
  return needs_gradient({&x_THD}) ? RopeFunction::apply(x_THD, table.cos_TD2, table.sin_TD2)
                                  : rotate(x_THD, table.cos_TD2, table.sin_TD2, 1);
}

}  // namespace dermis
