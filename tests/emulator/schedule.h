// Who runs when. A launch keeps some blocks resident; each of their threads is a fiber. Lanes of one warp run one after
// another until all of them stand at the same warp-wide call; the last to arrive carries the call out for all. Seeded
// choices: the order of blocks, which warp goes next, which lane, and whether a warp goes on after a call.
#pragma once

#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernels/machine/machine.h"
#include "tests/emulator/async_copies.h"
#include "tests/emulator/device_memory.h"
#include "tests/emulator/fault.h"
#include "tests/emulator/fiber.h"
#include "tests/emulator/shared_memory.h"

namespace dermis {

struct EmulatedWarp;
struct EmulatedBlock;
class EmulatedLaunch;

// A kind of warp-wide call. Kinds are compared by address.
struct WarpOperation {
  const char* name;
  void (*execute)(EmulatedWarp& warp);  // null: the barrier of the whole block
};

// One lane's part of a warp-wide call; operations derive their operands from it. Lives on the lane's stack.
struct WarpCall {
  const WarpOperation* operation;
  CallSite site;
};

struct EmulatedThread {
  Fiber fiber;
  EmulatedBlock* block = nullptr;
  EmulatedWarp* warp = nullptr;
  int index = 0;        // in the block
  uint32_t number = 0;  // in the launch, as race_clock.h counts
  AsyncCopies copies;
  std::shared_ptr<const Knowledge> known;  // what atomics and barriers told; null: nothing
  Knowledge seen;                          // what atomics told since the last fence()
  Knowledge fenced;                        // what the next add() tells

  int lane() const { return index % kWarpSize; }
  ThreadPlace place() const;
};

struct EmulatedWarp {
  EmulatedBlock* block = nullptr;
  EmulatedThread* lanes[kWarpSize] = {};
  WarpCall* calls[kWarpSize] = {};                    // of the lanes in `waiting`
  uint32_t ready = 0, waiting = 0, exited = 0;        // a bit a lane
  bool at_block_barrier = false, descending = false;  // descending: the order in which its lanes run
  uint32_t sync_time = 0;                             // of the last sync_warp()

  template <class Call>
  Call& call(int lane) const {
    return *static_cast<Call*>(calls[lane]);
  }
};

struct EmulatedBlock {
  uint32_t index = 0;
  uint32_t coordinates[3] = {};
  EmulatedLaunch* launch = nullptr;
  std::vector<EmulatedThread> threads;
  std::vector<EmulatedWarp> warps;
  SharedMemory shared;
  uint32_t sync_time = 0;  // of the last sync()
  uint32_t warps_at_barrier = 0, warps_exited = 0;
};

struct EmulationOptions {
  uint64_t seed = 1;
  // Blocks that run at the same time, interleaved; kernels whose blocks talk to each other want more than one.
  int resident_blocks = 1;
  // Find accesses that nothing orders.
  bool races = true;
};

// What a launch did, summed over its blocks.
struct EmulationReport {
  uint64_t warp_calls = 0;       // barriers, exchanges, matrix loads and products, counted once a warp
  uint64_t matrix_products = 0;  // of 16 x 8 x 16 or 16 x 8 x 8
  uint64_t matrix_loads = 0;     // tiles of 8 x 8 read by load_matrix
  uint64_t bank_conflicts = 0;   // extra shared memory cycles those took, 0 when no two rows meet in a bank
  uint64_t async_copies = 0;
};

class EmulatedLaunch {
 public:
  using Body = void (*)(EmulatedThread& thread, const void* params);

  EmulatedLaunch(EmulatedDevice& device, const Launch& shape, const EmulationOptions& options, Body body,
                 const void* params);
  void run();  // throws EmulationFault

  // Called on a lane's fiber: stops until all lanes of its warp made the same call and it was carried out.
  void warp_call(EmulatedThread& self, WarpCall& call);
  // Lets others run, or not. Called where blocks can see each other's progress.
  void maybe_yield(EmulatedThread& self, CallSite site);
  uint64_t random();

  EmulatedDevice& device;
  const Launch shape;
  const EmulationOptions options;
  const uint32_t start;  // time of the launch
  EmulationReport report;
  std::map<const void*, Knowledge> released;  // by the counter of the atomic

 private:
  static void run_thread(void* thread);
  void start_block(EmulatedBlock& block, size_t slot, uint32_t index);
  void switch_away(EmulatedThread& self, bool last = false);
  void complete(EmulatedThread& self);
  void arrive_at_block_barrier(EmulatedWarp& warp);
  void leave(EmulatedThread& self);
  void check_same_barrier(const EmulatedBlock& block) const;
  [[noreturn]] void divergence(const EmulatedWarp& warp) const;

  Body body_;
  const void* params_;
  uint64_t random_state_;
  uint64_t idle_yields_ = 0;  // since a thread last got somewhere
  Fiber scheduler_;
  std::vector<std::unique_ptr<EmulatedBlock>> slots_;
  std::exception_ptr fault_;  // thrown on some fiber
};

}  // namespace dermis
