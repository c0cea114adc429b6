// The table of kernels/cuda/kernel_table.tsv: what every compiled kernel takes, held against what the compiler says.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/gates/ptxas_log.h"
#include "tests/gates/sass.h"

namespace dermis::gates {

struct KernelRow {
  std::string kernel, architecture;
  int registers = 0;                          // a thread
  int threads = 0, blocks_per_sm = 0;         // a block; blocks that registers must leave room for
  int shared_static = 0, shared_dynamic = 0;  // bytes a block
  Opcodes opcodes;
  int stack = 0, spilled = 0;  // of a measurement; there is no column for them, they are zero
};

struct KernelTable {
  std::string compiler;  // "nvcc 13.0.88"; registers and opcodes belong to it
  std::vector<KernelRow> rows;
};

// What a build's logs and disassembly say, sorted by kernel and architecture; no opcodes without `sass`.
struct Measured {
  KernelTable table;
  std::vector<std::string> notes;  // of the compiler
};
Measured measured_kernels(const std::string& compiler, const std::vector<std::string>& logs,
                          const std::optional<std::map<KernelKey, Opcodes>>& sass);

std::string write_table(const KernelTable& table);
// Throws Error(data) naming the line that is not a row.
KernelTable read_table(std::string_view text, const std::string& file);

// One line for each thing that is wrong; empty: the build keeps to the table.
std::vector<std::string> budget_findings(const KernelTable& table, const Measured& measured);
std::vector<std::string> opcode_findings(const KernelTable& table, const Measured& measured);

}  // namespace dermis::gates
