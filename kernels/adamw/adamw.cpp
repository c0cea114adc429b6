#include "kernels/adamw/adamw.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cmath>

namespace dermis {

void adamw_step(std::span<const AdamWTensor> tensors) {
  const at::NoGradGuard no_grad;
  for (const AdamWTensor& t : tensors) {
    const AdamWSettings& s = t.settings;
    const at::Tensor gradient = t.gradient * s.gradient_scale;
    t.first_moment.mul_(s.beta1).add_(gradient, 1 - s.beta1);
    t.second_moment.mul_(s.beta2).addcmul_(gradient, gradient, 1 - s.beta2);
    const double correction1 = 1 - std::pow(s.beta1, static_cast<double>(s.step));
    const double correction2 = 1 - std::pow(s.beta2, static_cast<double>(s.step));
    t.parameter.mul_(1 - s.lr * s.weight_decay);
    t.parameter.addcdiv_(t.first_moment, t.second_moment.sqrt().div_(std::sqrt(correction2)).add_(s.eps),
                         -s.lr / correction1);
  }
}

double gradient_norm(std::span<const at::Tensor> gradients) {
  double total = 0;
  for (const at::Tensor& gradient : gradients) total += gradient.to(at::kDouble).square().sum().item<double>();
  return std::sqrt(total);
}

}  // namespace dermis
