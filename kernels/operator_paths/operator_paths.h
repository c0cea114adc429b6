// Which implementation every operator takes on this machine's devices: what `dermis doctor` prints.
#pragma once

#include <string>
#include <vector>

namespace dermis {

struct OperatorPath {
  std::string op;    // as `dermis selftest` names it, too
  std::string cpu;   // fp32 on the CPU
  std::string cuda;  // on a GPU that has the CUDA module and LibTorch's operators
};

std::vector<OperatorPath> operator_paths();

}  // namespace dermis
