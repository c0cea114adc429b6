#include "benchmarks/operators/operator_case.h"

#include <algorithm>
#include <cmath>

namespace dermis {

size_t OperatorSetting::sets(double bytes) const {
  constexpr double kMost = 16;
  return static_cast<size_t>(std::clamp(std::ceil(footprint / bytes), 1.0, kMost));
}

double allowed_operator_error(at::ScalarType dtype) { return dtype == at::kFloat ? 1e-4 : 2e-2; }

std::string dtype_name(at::ScalarType dtype) {
  return dtype == at::kFloat ? "fp32" : dtype == at::kBFloat16 ? "bf16" : "fp16";
}

}  // namespace dermis
