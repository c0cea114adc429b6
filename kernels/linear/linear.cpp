#include "kernels/linear/linear.h"

#include <ATen/ATen.h>

#include "kernels/operand/operand.h"

namespace dermis {
namespace {

void check(const at::Tensor& x, const at::Tensor& weight) {
  check_operand(x.defined() && x.dim() >= 1, "dense", "x", "[..., C]", x);
  check_operand(weight.defined() && weight.dim() == 2 && weight.size(1) == x.size(-1) && weight.is_floating_point() &&
                    weight.device() == x.device(),
                "dense", "weight", "floating [F, C] with C and device of x", weight);
}

}  // namespace

at::Tensor dense(const at::Tensor& x, const at::Tensor& weight) {
  check(x, weight);
  return at::linear(x, weight.to(x.scalar_type()));
}

at::Tensor dense(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
  check(x, weight);
  check_operand(bias.defined() && bias.dim() == 1 && bias.size(0) == weight.size(0), "dense", "bias",
                "[F], F the rows of weight", bias);
  return at::linear(x, weight.to(x.scalar_type()), bias.to(x.scalar_type()));
}

}  // namespace dermis
