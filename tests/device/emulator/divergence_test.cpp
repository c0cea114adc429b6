// Threads that part where all of them must stay together.
#include <stdexcept>

#include "tests/device/emulator/fault_of.h"

namespace dermis::testing {
namespace {

struct NoParams {};

template <class K, class Machine = Emulator>
void run_alone(uint64_t seed) {
  EmulatedDevice device;
  emulate<K, Machine>(device, {{1, 1, 1}, 64, 0}, {}, {.seed = seed});
}

// What the threads numbered `from` to `to` do instead of the common sync_warp().
enum class Odd { kSame, kLeave, kShuffle, kWarp, kBarrier, kElsewhere };
template <Odd odd>
struct OddLane {
  using Params = NoParams;
  static constexpr int kThreads = 64, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params&) {
    if (odd != Odd::kSame && m.thread() == 37) {
      if (odd == Odd::kLeave) return;
      if (odd == Odd::kShuffle) m.shuffle(1, 0);
      if (odd == Odd::kWarp) m.warp();
      if (odd == Odd::kBarrier) m.sync();
      if (odd == Odd::kElsewhere) m.sync_warp();
    } else {
      m.sync_warp();
    }
    m.sync();
  }
};
TEST(Divergence, LanesStayTogether) { expect_clean(run_alone<OddLane<Odd::kSame>>); }
TEST(Divergence, LaneLeaves) {
  expect_fault(FaultKind::kDivergence,
               "warp 1 lane 0: is in sync_warp, which all lanes must reach, but lane 5 has left",
               run_alone<OddLane<Odd::kLeave>>);
}
TEST(Divergence, LaneInAnotherCall) {
  expect_fault(FaultKind::kDivergence,
               "but lane 5 is in shuffle at divergence_test.cpp:", run_alone<OddLane<Odd::kShuffle>>);
  expect_fault(FaultKind::kDivergence,
               "but lane 5 is in shuffle at divergence_test.cpp:", run_alone<OddLane<Odd::kWarp>>);
  expect_fault(FaultKind::kDivergence, "but lane 5 is in sync at", run_alone<OddLane<Odd::kBarrier>>);
  expect_fault(FaultKind::kDivergence, "but lane 5 is in sync_warp at", run_alone<OddLane<Odd::kElsewhere>>);
}

// Warp 1 skips the barrier.
enum class OddWarp { kNone, kLeaves, kOtherBarrier };
template <OddWarp odd>
struct SkipsBarrier {
  using Params = NoParams;
  static constexpr int kThreads = 64, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params&) {
    if (odd == OddWarp::kNone || m.warp() == 0) {
      m.sync();
    } else if (odd == OddWarp::kOtherBarrier) {
      m.sync();
    }
  }
};
TEST(Divergence, WarpNeverReachesTheBarrier) {
  expect_clean(run_alone<SkipsBarrier<OddWarp::kNone>>);
  expect_fault(FaultKind::kDeadlock, "warp 0 lane 0: waits in sync()", run_alone<SkipsBarrier<OddWarp::kLeaves>>);
}
TEST(Divergence, WarpInAnotherBarrier) {
  expect_fault(FaultKind::kDivergence, "is in this sync(), but warp 0 is in that of divergence_test.cpp:",
               run_alone<SkipsBarrier<OddWarp::kOtherBarrier>>);
}

// Bugs can be planted in a kernel from outside, by a machine that forgets something.
struct ForgetsOneWarpBarrier : Emulator {
  void sync_warp() {
    if (thread() != 37) Emulator::sync_warp();
  }
};
TEST(Divergence, PlantedFromOutside) {
  expect_fault(FaultKind::kDivergence, "lane 5 is in sync at", run_alone<OddLane<Odd::kSame>, ForgetsOneWarpBarrier>);
}

struct Throws {
  using Params = NoParams;
  static constexpr int kThreads = 64, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params&) {
    m.sync();
    if (m.thread() == 40) throw std::out_of_range("of a test's own lookup");
    m.sync();
  }
};
TEST(Divergence, OtherExceptionsComeOutToo) { EXPECT_THROW(run_alone<Throws>(1), std::out_of_range); }

TEST(Divergence, TheDeviceGoesOnAfterAFault) {
  EmulatedDevice device;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const auto fault = fault_of([&] {
      emulate<OddLane<Odd::kLeave>>(device, {{3, 1, 1}, 64, 0}, {}, {.seed = seed, .resident_blocks = 2});
    });
    ASSERT_TRUE(fault.has_value());
    emulate<OddLane<Odd::kSame>>(device, {{3, 1, 1}, 64, 0}, {}, {.seed = seed, .resident_blocks = 2});
  }
}

}  // namespace
}  // namespace dermis::testing
