// Checks at the boundary of operators: errors that name the operator, the operand, what it should be and what it is.
#pragma once

#include <ATen/core/Tensor.h>

#include <initializer_list>
#include <string>

namespace dermis {

std::string describe(const at::Tensor& tensor);  // "float [3, 4] on cpu"

// Throws Error(usage).
[[noreturn]] void fail_operand(const char* op, const char* operand, const std::string& expected,
                               const std::string& found);

inline void check_operand(bool fits, const char* op, const char* operand, const char* expected,
                          const at::Tensor& found) {
  if (!fits) [[unlikely]]
    fail_operand(op, operand, expected, describe(found));
}

// True when a derivative of the result may be asked for later.
bool needs_gradient(std::initializer_list<const at::Tensor*> inputs);

// fp32 for fp32 and 16-bit types, fp64 for fp64: what statistics and sums are computed in.
at::ScalarType statistics_type(const at::Tensor& tensor);

// fp32 on the CPU: what our vector kernels take.
inline bool is_cpu_fp32(const at::Tensor& tensor) {
  return tensor.device().is_cpu() && tensor.scalar_type() == at::kFloat;
}

inline const float* fp32_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<float>() : nullptr;
}

}  // namespace dermis
