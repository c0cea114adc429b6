// Operators on this machine against fp64 references of the same inputs, over random shapes: values and gradients.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace dermis {

struct SelftestOptions {
  uint64_t seed = 0;
  int count = 20;    // cases an operator
  std::string only;  // one operator's name; "": all
};

struct SelftestResult {
  std::string op;
  int cases = 0;
  // Difference from the reference relative to the largest entry of the tensor, over all cases, values and gradients.
  double max_error = 0, rms_error = 0;
  double limit = 0;
  std::vector<std::string> failures;  // "seed 0 case 7: rows 65, width 17: gradient 1 is off by 3e-2"
};

std::vector<std::string> selftest_operators();

// Case i of an operator depends on (seed, operator, i) alone. `finished`, if given, is called with every operator's
// result as soon as it is there. Throws Error(usage) for an unknown operator.
std::vector<SelftestResult> run_selftest(const SelftestOptions& options,
                                         const std::function<void(const SelftestResult&)>& finished = {});

}  // namespace dermis
