#include "kernels/rms_norm/rms_norm.h"

#include <ATen/ATen.h>

namespace dermis {

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps, double weight_offset) {
  const auto wide = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor x_wide = x.to(wide);
  const at::Tensor inverse = x_wide.square().mean(-1, true).add(eps).rsqrt();
  return (x_wide * inverse * weight.to(wide).add(weight_offset)).to(x.scalar_type());
}

std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& residual,
                                               const at::Tensor& weight, double eps, double weight_offset) {
  at::Tensor sum = x + residual;
  at::Tensor y = rms_norm(sum, weight, eps, weight_offset);
  return {std::move(sum), std::move(y)};
}

}  // namespace dermis
