// Machine instructions of compiled kernels, from `cuobjdump --dump-sass`.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace dermis::gates {

struct Opcodes {
  int hmma = 0;    // matrix products
  int ldsm = 0;    // ldmatrix
  int ldgsts = 0;  // asynchronous copies, 16 bytes a lane
  int ex2 = 0;     // exponentials
  int barriers = 0;
  int local = 0;   // loads and stores of thread-local memory: arrays that did not stay in registers
  int parted = 0;  // BRA.DIV: a warp-wide call in a branch that lanes may take apart, where the others are not waiting
  bool operator==(const Opcodes&) const = default;
};

using KernelKey = std::pair<std::string, std::string>;  // mangled name, architecture

std::map<KernelKey, Opcodes> read_sass(std::string_view text);

}  // namespace dermis::gates
