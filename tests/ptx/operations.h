// What each operation of PTX does (PTX ISA 9.0, chapter 9), as far as nvcc uses it for our kernels.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "tests/ptx/program.h"

namespace dermis::ptx {

struct Operation {
  Execute execute = nullptr;
  Flow flow = Flow::next;
  Space space = Space::generic;
  // Operands written and read, as the text has them; lists in braces count by their length.
  int outs = 0, ins = 0;
};

// `name` as in "ld.global.nc.v4.u32"; mov of two halves into one number and back are "mov.b64.join" and "mov.b64.part".
// execute is null when it is not known.
Operation operation_named(std::string_view name);

using OperationTable = std::map<std::string, Operation, std::less<>>;
// null when it is not there.
inline Operation operation_in(const OperationTable& table, std::string_view name) {
  const auto found = table.find(name);
  return found == table.end() ? Operation{} : found->second;
}

// Parts of it, by where they live.
Operation arithmetic_named(std::string_view name);  // arithmetic.cpp: registers alone
Operation conversion_named(std::string_view name);  // conversions.cpp
Operation memory_named(std::string_view name);      // memory_operations.cpp: loads, stores, atomics, copies
Operation warp_named(std::string_view name);        // warp_operations.cpp: exchange, votes, tiles
Operation product_named(std::string_view name);     // products.cpp: mma

}  // namespace dermis::ptx
