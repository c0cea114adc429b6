// What `nvcc -Xptxas -v` says of the kernels of a file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dermis::gates {

struct KernelUse {
  std::string mangled, architecture;  // "sm_80"
  int registers = 0;                  // a thread
  int shared_static = 0;              // bytes
  int stack = 0, spilled = 0;         // bytes, of the kernel and of functions it calls
};

struct PtxasLog {
  std::vector<KernelUse> kernels;
  // Every line that is not one of the plain facts: warnings, performance notes (C7508, C7510...), anything new.
  std::vector<std::string> notes;
};

PtxasLog read_ptxas_log(std::string_view text);

}  // namespace dermis::gates
