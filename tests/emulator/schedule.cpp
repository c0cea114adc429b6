#include "tests/emulator/schedule.h"

#include <algorithm>
#include <bit>
#include <numeric>

#include "tests/emulator/memory_access.h"
#include "tests/emulator/warp_operations.h"

namespace dermis {
namespace {
// A launch whose threads only poll this often waits for something that never comes.
constexpr uint64_t kMostIdleYields = 4'000'000;
}  // namespace

ThreadPlace EmulatedThread::place() const { return {block->index, index / kWarpSize, lane()}; }

EmulatedLaunch::EmulatedLaunch(EmulatedDevice& device, const Launch& shape, const EmulationOptions& options, Body body,
                               const void* params)
    : device(device),
      shape(shape),
      options(options),
      start(device.tick()),
      body_(body),
      params_(params),
      random_state_(options.seed * 0x9e3779b97f4a7c15ull + 0x632be59bd9b4e019ull) {}

// splitmix64
uint64_t EmulatedLaunch::random() {
  uint64_t z = random_state_ += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

void EmulatedLaunch::run() {
  const uint32_t total = shape.blocks[0] * shape.blocks[1] * shape.blocks[2];
  std::vector<uint32_t> order(total);
  std::iota(order.begin(), order.end(), 0u);
  for (uint32_t i = total; i > 1; --i) std::swap(order[i - 1], order[random() % i]);

  const size_t residents = std::min<size_t>(total, static_cast<size_t>(std::max(options.resident_blocks, 1)));
  for (size_t i = 0; i < residents; ++i) slots_.push_back(std::make_unique<EmulatedBlock>());
  size_t next = 0, running = 0;
  std::vector<EmulatedWarp*> able;
  for (size_t slot = 0; slot < residents; ++slot, ++running) start_block(*slots_[slot], slot, order[next++]);
  while (running > 0) {
    able.clear();
    for (const auto& block : slots_) {
      for (EmulatedWarp& warp : block->warps) {
        if (warp.ready != 0) able.push_back(&warp);
      }
    }
    EmulatedWarp& warp = *able[random() % able.size()];
    const int start = static_cast<int>(random() % kWarpSize);
    const int lane = (std::countr_zero(std::rotr(warp.ready, start)) + start) % kWarpSize;
    Fiber::switch_to(scheduler_, warp.lanes[lane]->fiber);
    if (fault_ != nullptr) std::rethrow_exception(fault_);
    for (size_t slot = 0; slot < residents; ++slot) {
      EmulatedBlock& block = *slots_[slot];
      if (block.warps.empty() || block.warps_exited < block.warps.size()) continue;
      if (next < total) {
        start_block(block, slot, order[next++]);
      } else {
        block.warps.clear();
        --running;
      }
    }
  }
}

void EmulatedLaunch::start_block(EmulatedBlock& block, size_t slot, uint32_t index) {
  block.index = index;
  block.coordinates[0] = index % shape.blocks[0];
  block.coordinates[1] = index / shape.blocks[0] % shape.blocks[1];
  block.coordinates[2] = index / shape.blocks[0] / shape.blocks[1];
  block.launch = this;
  block.warps_at_barrier = block.warps_exited = block.sync_time = 0;
  block.shared.reset(shape.shared_bytes);
  block.threads = std::vector<EmulatedThread>(shape.threads);
  block.warps = std::vector<EmulatedWarp>(shape.threads / kWarpSize);
  const FiberStacks& stacks = device.stacks(slots_.size() * shape.threads);
  for (uint32_t i = 0; i < shape.threads; ++i) {
    EmulatedThread& thread = block.threads[i];
    EmulatedWarp& warp = block.warps[i / kWarpSize];
    thread.block = &block;
    thread.warp = &warp;
    thread.index = static_cast<int>(i);
    thread.number = index << kThreadInBlockBits | i;
    warp.block = &block;
    warp.lanes[i % kWarpSize] = &thread;
    warp.ready = ~0u;
    thread.fiber.start(stacks, slot * shape.threads + i, &EmulatedLaunch::run_thread, &thread);
  }
}

void EmulatedLaunch::run_thread(void* thread) {
  auto& self = *static_cast<EmulatedThread*>(thread);
  EmulatedLaunch& launch = *self.block->launch;
  try {
    launch.body_(self, launch.params_);
    launch.leave(self);
  } catch (...) {
    launch.fault_ = std::current_exception();
  }
  launch.switch_away(self, true);
}

// To a ready lane of the same warp, or else to the scheduler.
void EmulatedLaunch::switch_away(EmulatedThread& self, bool last) {
  const EmulatedWarp& warp = *self.warp;
  Fiber* to = &scheduler_;
  if (warp.ready != 0 && fault_ == nullptr) {
    const int from = self.lane();
    const int lane = warp.descending ? from - 1 - std::countl_zero(std::rotr(warp.ready, from))
                                     : from + std::countr_zero(std::rotr(warp.ready, from));
    to = &warp.lanes[lane & (kWarpSize - 1)]->fiber;
  }
  Fiber::switch_to(self.fiber, *to, last);
}

void EmulatedLaunch::maybe_yield(EmulatedThread& self, CallSite site) {
  if (++idle_yields_ > kMostIdleYields) {
    throw EmulationFault(FaultKind::kDeadlock, self.place(), site, "nothing but polling happens");
  }
  if (random() % 4 == 0) Fiber::switch_to(self.fiber, scheduler_);
}

void EmulatedLaunch::warp_call(EmulatedThread& self, WarpCall& call) {
  EmulatedWarp& warp = *self.warp;
  const uint32_t bit = 1u << self.lane();
  warp.calls[self.lane()] = &call;
  warp.ready &= ~bit;
  warp.waiting |= bit;
  if (warp.ready == 0) {
    complete(self);
    const uint64_t choice = random();
    warp.descending = choice % 2 == 0;
    if (warp.ready != 0 && choice / 2 % 4 == 0) Fiber::switch_to(self.fiber, scheduler_);
  }
  while ((warp.ready & bit) == 0) switch_away(self);
}

// The last live lane of a warp arrived at a call.
void EmulatedLaunch::complete(EmulatedThread& self) {
  EmulatedWarp& warp = *self.warp;
  if (warp.waiting != ~0u) divergence(warp);
  const WarpCall& mine = *warp.calls[self.lane()];
  for (const WarpCall* call : warp.calls) {
    if (call->operation != mine.operation || !(call->site == mine.site)) divergence(warp);
  }
  ++report.warp_calls;
  idle_yields_ = 0;
  if (mine.operation->execute == nullptr) {
    arrive_at_block_barrier(warp);
  } else {
    mine.operation->execute(warp);
    warp.waiting = 0;
    warp.ready = ~0u;
  }
}

void EmulatedLaunch::arrive_at_block_barrier(EmulatedWarp& warp) {
  EmulatedBlock& block = *warp.block;
  warp.at_block_barrier = true;
  ++block.warps_at_barrier;
  if (block.warps_exited > 0) {
    throw EmulationFault(FaultKind::kDeadlock, warp.lanes[0]->place(), warp.calls[0]->site,
                         "waits in sync() for a warp that has left the kernel");
  }
  if (block.warps_at_barrier < block.warps.size()) return;
  check_same_barrier(block);
  block.warps_at_barrier = 0;
  block.sync_time = device.tick();
  std::vector<EmulatedThread*> threads;
  for (EmulatedThread& thread : block.threads) threads.push_back(&thread);
  share_knowledge(threads.data(), threads.size());
  for (EmulatedWarp& released : block.warps) {
    released.at_block_barrier = false;
    released.waiting = 0;
    released.ready = ~0u;
  }
}

void EmulatedLaunch::check_same_barrier(const EmulatedBlock& block) const {
  const WarpCall& first = *block.warps[0].calls[0];
  for (const EmulatedWarp& warp : block.warps) {
    const WarpCall& call = *warp.calls[0];
    if (call.site == first.site) continue;
    throw EmulationFault(FaultKind::kDivergence, warp.lanes[0]->place(), call.site,
                         "is in this sync(), but warp 0 is in that of " + first.site.text());
  }
}

void EmulatedLaunch::leave(EmulatedThread& self) {
  EmulatedWarp& warp = *self.warp;
  EmulatedBlock& block = *self.block;
  idle_yields_ = 0;
  if (!self.copies.empty()) {
    throw EmulationFault(FaultKind::kCopyInFlight, self.place(), {"kernel's end", 0},
                         "the thread leaves before its asynchronous copies have landed");
  }
  warp.ready &= ~(1u << self.lane());
  warp.exited |= 1u << self.lane();
  if (warp.ready == 0 && warp.waiting != 0) divergence(warp);
  if (warp.exited != ~0u) return;
  ++block.warps_exited;
  for (const EmulatedWarp& other : block.warps) {
    if (!other.at_block_barrier) continue;
    throw EmulationFault(FaultKind::kDeadlock, other.lanes[0]->place(), other.calls[0]->site,
                         "waits in sync(), but warp " + std::to_string(self.index / kWarpSize) + " leaves the kernel");
  }
}

void EmulatedLaunch::divergence(const EmulatedWarp& warp) const {
  const int waiting = std::countr_zero(warp.waiting);
  const WarpCall& call = *warp.calls[waiting];
  std::string others;
  for (int lane = 0; lane < kWarpSize && others.empty(); ++lane) {
    if ((warp.exited >> lane & 1u) != 0) {
      others = "lane " + std::to_string(lane) + " has left the kernel";
    } else if (warp.calls[lane]->operation != call.operation || !(warp.calls[lane]->site == call.site)) {
      others = "lane " + std::to_string(lane) + " is in " + warp.calls[lane]->operation->name + " at " +
               warp.calls[lane]->site.text();
    }
  }
  throw EmulationFault(FaultKind::kDivergence, warp.lanes[waiting]->place(), call.site,
                       std::string("is in ") + call.operation->name + ", which all lanes must reach, but " + others);
}

}  // namespace dermis
