// A kernel of PTX text, ready to run: names have become numbers, operations functions.
//
// A warp is what runs: every register is 32 numbers of 64 bits, one a lane. Constants, special registers and addresses
// of named memory are registers, too, that are filled before the first instruction.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dermis::ptx {

class Warp;
struct Instruction;
// Carries the instruction out for the lanes of `warp.active()`.
using Execute = void (*)(Warp& warp, const Instruction& instruction);

enum class Flow : uint8_t {
  next,
  together,  // all lanes of the warp that have not left must be here
  barrier,   // all threads of the block must be here
  branch,
  leave,
};

enum class Space : uint8_t { generic, global, shared, param };

struct Instruction {
  Execute execute = nullptr;
  Flow flow = Flow::next;
  bool guarded = false, guard_negated = false;
  uint16_t guard = 0;
  uint16_t out[4] = {};  // registers written
  uint16_t in[12] = {};  // registers read
  uint8_t outs = 0, ins = 0;
  Space space = Space::generic;
  int64_t offset = 0;   // to the address in in[0]; of cp.async, offset of the second address in `number`
  int64_t number = 0;   // of cp.async.wait_group: groups that may be on their way
  uint32_t target = 0;  // of a branch
  uint32_t line = 0;    // of `Kernel::lines`
};

enum class Special : uint8_t {
  thread_x,
  block_x,
  block_y,
  block_z,
  blocks_x,
  blocks_y,
  blocks_z,
  threads_x,
  shared_bytes,
  params,       // address of the parameters
  shared_base,  // address of dynamic shared memory
};

struct Kernel {
  std::string name;
  uint32_t param_bytes = 0;
  uint32_t most_threads = 0;  // .maxntid
  uint32_t registers = 0;
  std::vector<Instruction> code;
  std::vector<std::pair<uint16_t, uint64_t>> constants;
  std::vector<std::pair<uint16_t, Special>> specials;
  std::vector<std::string> lines;  // of the text, for what is said of a fault
};

// Names of the kernels in PTX text, each with the part of the text that holds it.
std::vector<std::pair<std::string, std::string_view>> kernels_in(std::string_view text);

// Throws std::runtime_error with the line that is not understood.
Kernel parse_kernel(std::string_view text);

}  // namespace dermis::ptx
