// A warp and its block while they run.
//
// Lanes go where their branches lead. Those that stand at the lowest line run first, so that they meet again where the
// branches meet; what asks for all lanes waits for them, and it is a fault when they cannot come.
#pragma once

#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/random.h"
#include "tests/ptx/memory.h"
#include "tests/ptx/program.h"
#include "tests/ptx/traffic.h"

namespace dermis::ptx {

constexpr int kLanes = 32;
constexpr uint32_t kAllLanes = 0xffffffffu;

using Lanes = std::array<uint64_t, kLanes>;
using RegisterFile = std::vector<Lanes>;  // of a warp

// Of a lane's register as a T: its low bytes.
template <class T>
T as(uint64_t bits) {
  T value;
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}
template <class T>
uint64_t bits_of(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  return bits;
}

// When an asynchronous copy reads and writes: at once, or as late as the kernel allows.
enum class CopyTime { early, late };

// What threads of a launch share.
struct Surroundings {
  const void* params;
  GlobalMemory& global;
  SharedMemory& shared;  // of the block
  CopyTime copies;
  TrafficCounter* traffic;  // or null
};

struct BlockPlace {
  std::array<uint32_t, 3> block, blocks;
  uint32_t threads, shared_bytes;
};

class Warp {
 public:
  // Threads [first_thread, first_thread + 32) of the block, those from `place.threads` on left out. `registers` has as
  // many as the kernel; what an earlier warp left in them is gone.
  Warp(const Kernel& kernel, const BlockPlace& place, uint32_t first_thread, const Surroundings& surroundings,
       RegisterFile& registers);

  enum class State { ready, at_barrier, done };
  State state() const { return state_; }
  void pass_barrier();
  // Up to `instructions` instructions. Throws std::runtime_error that names the line and the lanes.
  void run(int instructions);

  // For operations.
  uint32_t active() const { return active_; }
  Lanes& lanes(uint16_t reg) { return registers_[reg]; }
  template <class Body>
  void for_active(Body body) {
    if (active_ == kAllLanes) {
      for (int lane = 0; lane < kLanes; ++lane) body(lane);
    } else {
      for (uint32_t left = active_; left != 0; left &= left - 1) body(std::countr_zero(left));
    }
  }
  // Before an access of the active lanes, `bytes` at each address.
  void count_access(Space space, const Lanes& addresses, uint32_t bytes, bool is_store) {
    if (traffic_ != nullptr) count(space, addresses, bytes, is_store);
  }
  // Memory of `bytes` bytes at a lane's address, naturally aligned; throws when it may not be touched.
  std::byte* at(Space space, uint64_t address, size_t bytes);

  void copy_async(int lane, uint32_t to, uint64_t from, uint32_t valid_bytes);
  void commit_copies();
  void wait_copies(int64_t groups_on_their_way);

  [[noreturn]] void fail(const std::string& what) const;

 private:
  struct Group {
    uint32_t next = 0, lanes = 0;
    bool waits = false;
  };
  struct Copy {
    int lane;
    uint32_t group, to;
    uint64_t from;
    uint32_t valid_bytes;
  };

  void choose_group();
  void step();
  void branch(const Instruction& instruction, uint32_t taken);
  bool all_here();
  void carry_out(const Copy& copy);
  void count(Space space, const Lanes& addresses, uint32_t bytes, bool is_store);

  const Kernel& kernel_;
  RegisterFile& registers_;
  const std::byte* params_;
  GlobalMemory& global_;
  SharedMemory& shared_;
  CopyTime copy_time_;
  TrafficCounter* traffic_;
  std::vector<Copy> copies_;
  std::array<uint32_t, kLanes> committed_{};  // groups of copies

  uint32_t next_ = 0, here_ = 0, active_ = 0;  // of the group that runs
  std::vector<Group> others_;
  uint32_t live_ = 0;
  State state_ = State::ready;
};

}  // namespace dermis::ptx
