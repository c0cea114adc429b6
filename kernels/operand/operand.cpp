#include "kernels/operand/operand.h"

#include <ATen/core/grad_mode.h>

#include <sstream>

#include "core/error.h"

namespace dermis {

std::string describe(const at::Tensor& tensor) {
  if (!tensor.defined()) return "an undefined tensor";
  std::ostringstream text;
  text << c10::toString(tensor.scalar_type()) << ' ' << tensor.sizes() << " on " << tensor.device();
  return text.str();
}

void fail_operand(const char* op, const char* operand, const std::string& expected, const std::string& found) {
  throw Error(ErrorKind::usage, {.what = std::string(op) + ": " + operand + " does not fit",
                                 .where = std::string("operand ") + operand,
                                 .expected = expected,
                                 .found = found,
                                 .fix = "pass operands of matching shape, type and device"});
}

bool needs_gradient(std::initializer_list<const at::Tensor*> inputs) {
  if (!at::GradMode::is_enabled()) return false;
  for (const at::Tensor* input : inputs)
    if (input->defined() && input->requires_grad()) return true;
  return false;
}

at::ScalarType statistics_type(const at::Tensor& tensor) {
  return tensor.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

}  // namespace dermis
