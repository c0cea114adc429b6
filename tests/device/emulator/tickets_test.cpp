// The last block to arrive adds up what all blocks stored: the pattern of split-KV decoding, and how it goes wrong.
#include "tests/device/emulator/fault_of.h"

namespace dermis::testing {
namespace {

enum class Bug {
  kNone,
  kNoBarrierBefore,
  kFenceBeforeBarrier,
  kNoRelease,
  kNoAcquire,
  kNoBarrierAfter,
  kAnyBlock,
  kOwnLoad
};
template <Bug bug>
struct SumOfBlocks {
  struct Params {
    int* partial;  // [blocks, 64]
    uint32_t* ticket;
    int* out;  // [64]
  };
  static constexpr int kThreads = 64, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    m.store(p.partial + m.block(0) * 64 + m.thread(), m.block(0) + m.thread());
    if (bug == Bug::kFenceBeforeBarrier) m.fence();
    if (bug != Bug::kNoBarrierBefore) m.sync();
    if (m.thread() == 0) {
      if (bug != Bug::kNoRelease && bug != Bug::kFenceBeforeBarrier) m.fence();
      m.store(Shared{0}, m.add(p.ticket, 1));
      if (bug != Bug::kNoAcquire) m.fence();
    }
    if (bug != Bug::kNoBarrierAfter) m.sync();
    const uint32_t arrived = bug == Bug::kNoBarrierAfter && m.thread() != 0 ? static_cast<uint32_t>(m.blocks(0)) - 1
                                                                            : m.template load<uint32_t>(Shared{0});
    if (bug != Bug::kAnyBlock && arrived + 1 != static_cast<uint32_t>(m.blocks(0))) return;
    int sum = 0;
    for (int block = 0; block < m.blocks(0); ++block) {
      const int* other = p.partial + block * 64 + (m.thread() ^ 33);  // of the other warp
      sum += bug == Bug::kOwnLoad ? m.load_own(other) : m.load_written(other);
    }
    m.store(p.out + m.thread(), sum);
    if (m.thread() == 0) m.store(p.ticket, 0u);  // for the next launch
  }
};

template <Bug bug>
void run_sum(uint64_t seed) {
  EmulatedDevice device;
  DeviceBuffer<int> partial(device, 6 * 64), out(device, 64);
  DeviceBuffer<uint32_t> ticket(device, std::vector<uint32_t>{0});
  for (int launch = 0; launch < 2; ++launch) {
    emulate<SumOfBlocks<bug>>(device, {{6, 1, 1}, 64, 16}, {partial.data(), ticket.data(), out.data()},
                              {.seed = seed, .resident_blocks = static_cast<int>(1 + seed % 4)});
    ASSERT_EQ(out.unwritten(), 0u);
    for (int thread = 0; thread < 64; ++thread) {
      ASSERT_EQ(out.download()[static_cast<size_t>(thread)], 15 + 6 * (thread ^ 33));
    }
  }
}

TEST(Tickets, LastBlockSums) { expect_clean(run_sum<Bug::kNone>); }
TEST(Tickets, NoBarrierBeforeTheTicket) { expect_fault(FaultKind::kRace, "", run_sum<Bug::kNoBarrierBefore>); }
TEST(Tickets, FenceOnTheWrongSideOfTheBarrier) {
  expect_fault(FaultKind::kRace, "was written by block", run_sum<Bug::kFenceBeforeBarrier>);
}
TEST(Tickets, NoFenceBeforeTheTicket) {
  expect_fault(FaultKind::kRace, "was written by block", run_sum<Bug::kNoRelease>);
}
TEST(Tickets, NoFenceAfterTheTicket) {
  expect_fault(FaultKind::kRace, "was written by block", run_sum<Bug::kNoAcquire>);
}
TEST(Tickets, NoBarrierAfterTheTicket) { expect_some_fault(run_sum<Bug::kNoBarrierAfter>); }
TEST(Tickets, LoadsThatTheFirstLevelCacheMayServe) {
  expect_fault(FaultKind::kNotCoherent, "was written in this launch by block", run_sum<Bug::kOwnLoad>);
}
TEST(Tickets, EveryBlockSums) { expect_some_fault(run_sum<Bug::kAnyBlock>); }

// Block 1 polls a flag that block 0 raises.
template <bool Raised>
struct Poll {
  struct Params {
    uint32_t* flag;
    int* value;
    int* out;
  };
  static constexpr int kThreads = 32, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    if (m.thread() != 0) return;
    if (m.block(0) == 0) {
      m.store(p.value, 42);
      m.fence();
      if (Raised) m.add(p.flag, 1);
    } else {
      while (m.load_written(p.flag) == 0) {
      }
      m.fence();
      m.store(p.out, m.load_written(p.value));
    }
  }
};
template <bool Raised>
void run_poll(uint64_t seed) {
  EmulatedDevice device;
  DeviceBuffer<uint32_t> flag(device, std::vector<uint32_t>{0});
  DeviceBuffer<int> value(device, 1), out(device, 1);
  emulate<Poll<Raised>>(device, {{2, 1, 1}, 32, 0}, {flag.data(), value.data(), out.data()},
                        {.seed = seed, .resident_blocks = 2});
  EXPECT_EQ(out.download()[0], 42);
}
TEST(Tickets, AFlagIsSeen) { expect_clean(run_poll<true>); }
TEST(Tickets, AFlagThatNeverComes) {
  const auto fault = fault_of([] { run_poll<false>(1); });
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->kind, FaultKind::kDeadlock);
}

}  // namespace
}  // namespace dermis::testing
