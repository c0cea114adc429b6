// The random cases of `dermis selftest`.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "core/random.h"

namespace dermis {

// Draws a case. Sizes are divided by 2 to the power of `halvings`, as far as their lower ends allow: the same draw,
// smaller.
struct SelftestDraw {
  Random random;
  int halvings = 0;

  int64_t between(int64_t low, int64_t high);
  bool chance(double probability) { return random.chance(probability); }
};

struct SelftestCase {
  std::string shape;               // for the reader, e.g. "rows 65, width 17"
  std::vector<at::Tensor> inputs;  // fp64 tensors of numbers that fp32 holds exactly
  // Takes the inputs in the type and on the device under test, or in fp64 (the reference).
  std::function<std::vector<at::Tensor>(const std::vector<at::Tensor>&)> run;
  bool differentiable = true;
  bool for_gpu_halves = true;  // whether the 16-bit kernels of a GPU take this shape
};

struct SelftestOperator {
  const char* name;
  double limit;  // largest relative error allowed in fp32
  SelftestCase (*make)(SelftestDraw&);
  bool bf16 = true, fp16 = true;  // whether it takes these types, too
  double half_limit = 0;          // in them; 0: that of results which are rounded to them
};

// Named as in `dermis doctor`, in the same order.
const std::vector<SelftestOperator>& selftest_table();

}  // namespace dermis
