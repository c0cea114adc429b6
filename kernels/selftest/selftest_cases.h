// The random cases of `dermis selftest`.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "core/random.h"

namespace dermis {

struct SelftestCase {
  std::string shape;               // for the reader, e.g. "rows 65, width 17"
  std::vector<at::Tensor> inputs;  // fp64 tensors of numbers that fp32 holds exactly
  // Takes the inputs in fp32 (the path under test) or fp64 (the reference).
  std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)> run;
  bool differentiable = true;
};

struct SelftestOperator {
  const char* name;
  double limit;  // largest relative error allowed
  SelftestCase (*make)(Random&);
};

const std::vector<SelftestOperator>& selftest_table();

}  // namespace dermis
