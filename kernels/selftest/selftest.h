// Operators on this machine against fp64 references of the same inputs, over random shapes, masks and types: values and
// gradients, on every path that this machine has.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kernels/selftest/selftest_cases.h"

namespace dermis {

struct SelftestOptions {
  uint64_t seed = 0;
  int count = 20;    // cases an operator
  std::string only;  // one operator's name; "": all
};

// A device and a type of tensors.
struct SelftestPath {
  std::string name;  // "CPU fp32"
  at::Device device = at::kCPU;
  at::ScalarType type = at::kFloat;
};
// fp32, bf16, fp16 on the CPU, and on the first GPU where there is one with LibTorch's operators and our module.
std::vector<SelftestPath> selftest_paths();

struct SelftestResult {
  std::string op, path;
  int cases = 0;
  // Difference from the reference relative to the largest entry of the tensor, over all cases, values and gradients.
  double max_error = 0, rms_error = 0;
  double limit = 0;
  // "seed 0 case 7: rows 65, width 17: gradient 1 is off by 3e-2; smallest failing: rows 4, width 4"
  std::vector<std::string> failures;
};

std::vector<std::string> selftest_operators();

// Case i of an operator depends on (seed, operator, i) alone. `finished`, if given, is called with every result as soon
// as it is there. Throws Error(usage) for an unknown operator.
std::vector<SelftestResult> run_selftest(const SelftestOptions& options,
                                         const std::function<void(const SelftestResult&)>& finished = {});
// The same with operators and paths of the caller's choice.
std::vector<SelftestResult> run_selftest(const SelftestOptions& options, const std::vector<SelftestOperator>& table,
                                         const std::vector<SelftestPath>& paths,
                                         const std::function<void(const SelftestResult&)>& finished = {});

}  // namespace dermis
