#include "tests/ptx/launch.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

namespace dermis::ptx {
namespace {

// Warps take turns of a few instructions up to some hundreds, so that slow and fast ones meet.
constexpr uint64_t kLongestTurn = 512;

void run_block(const Kernel& kernel, const BlockPlace& place, const void* params, GlobalMemory& global, CopyTime copies,
               TrafficCounter* traffic, Random& random, std::vector<RegisterFile>& registers) {
  SharedMemory shared(place.shared_bytes);
  std::vector<Warp> warps;
  for (uint32_t first = 0; first < place.threads; first += kLanes)
    warps.emplace_back(kernel, place, first, Surroundings{params, global, shared, copies, traffic},
                       registers[first / kLanes]);
  std::vector<Warp*> ready;
  for (;;) {
    ready.clear();
    for (Warp& warp : warps)
      if (warp.state() == Warp::State::ready) ready.push_back(&warp);
    if (!ready.empty()) {
      ready[random.below(ready.size())]->run(static_cast<int>(1 + random.below(kLongestTurn)));
      continue;
    }
    // Threads that have left do not count at a barrier.
    bool done = true;
    for (Warp& warp : warps) {
      if (warp.state() != Warp::State::at_barrier) continue;
      warp.pass_barrier();
      done = false;
    }
    if (done) return;
  }
}

}  // namespace

Schedule schedule_of(uint64_t n) { return {n, n % 2 == 0 ? CopyTime::early : CopyTime::late}; }

void launch(const Kernel& kernel, const uint32_t (&blocks)[3], uint32_t threads, uint32_t shared_bytes,
            const void* params, GlobalMemory& global, const Schedule& schedule, Traffic* traffic) {
  if (threads == 0 || threads > kernel.most_threads)
    throw std::runtime_error(fmt::format("{} threads, the kernel takes {}", threads, kernel.most_threads));
  Random random(schedule.seed, RandomPurpose::selftest);
  std::optional<TrafficCounter> counter;
  if (traffic != nullptr) counter.emplace(*traffic);
  std::vector<RegisterFile> registers((threads + kLanes - 1) / kLanes, RegisterFile(kernel.registers));
  std::vector<uint64_t> order(uint64_t{blocks[0]} * blocks[1] * blocks[2]);
  std::iota(order.begin(), order.end(), uint64_t{0});
  for (size_t left = order.size(); left > 1; --left) std::swap(order[left - 1], order[random.below(left)]);
  for (const uint64_t index : order) {
    const BlockPlace place{
        {static_cast<uint32_t>(index % blocks[0]), static_cast<uint32_t>(index / blocks[0] % blocks[1]),
         static_cast<uint32_t>(index / blocks[0] / blocks[1])},
        {blocks[0], blocks[1], blocks[2]},
        threads,
        shared_bytes};
    try {
      run_block(kernel, place, params, global, schedule.copies, counter.has_value() ? &*counter : nullptr, random,
                registers);
    } catch (const std::runtime_error& error) {
      throw std::runtime_error(
          fmt::format("{}, block {} {} {}", error.what(), place.block[0], place.block[1], place.block[2]));
    }
  }
}

}  // namespace dermis::ptx
