// Bugs planted in the use of shared memory, each beside its clean twin.
#include "tests/device/emulator/fault_of.h"

namespace dermis::testing {
namespace {

// Every thread writes its word and reads that of thread `from(thread)`.
enum class Order { kNothing, kShuffle, kWarpBarrier, kBarrier };
template <Order order, int Distance>
struct Neighbour {
  struct Params {
    int* out;  // [64]
  };
  static constexpr int kThreads = 64, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    const auto word = [](int thread) { return Shared{static_cast<uint32_t>(4 * thread)}; };
    m.store(word(m.thread()), 10 * m.thread());
    if constexpr (order == Order::kShuffle) m.shuffle(0, 0);
    if constexpr (order == Order::kWarpBarrier) m.sync_warp();
    if constexpr (order == Order::kBarrier) m.sync();
    m.store(p.out + m.thread(), m.template load<int>(word(m.thread() ^ Distance)));
  }
};

template <Order order, int Distance>
std::vector<int> run_neighbour(uint64_t seed) {
  EmulatedDevice device;
  DeviceBuffer<int> out(device, 64);
  emulate<Neighbour<order, Distance>>(device, {{1, 1, 1}, 64, 256}, {out.data()}, {.seed = seed});
  return out.download();
}

TEST(SharedMemory, BarriersOrderTheirThreads) {
  expect_clean([](uint64_t seed) { EXPECT_EQ((run_neighbour<Order::kBarrier, 32>(seed)[3]), 350); });
  expect_clean([](uint64_t seed) { EXPECT_EQ((run_neighbour<Order::kWarpBarrier, 1>(seed)[3]), 20); });
  expect_clean([](uint64_t seed) { EXPECT_EQ((run_neighbour<Order::kNothing, 0>(seed)[3]), 30); });
}

// Whichever thread comes first: the reader finds nothing yet, or an unordered write.
TEST(SharedMemory, MissingBarrier) {
  expect_some_fault(run_neighbour<Order::kNothing, 32>);
  expect_some_fault(run_neighbour<Order::kWarpBarrier, 32>);  // too narrow a barrier
}
TEST(SharedMemory, MissingWarpBarrier) {
  expect_some_fault(run_neighbour<Order::kNothing, 1>);
  // All lanes have stored when the shuffle is done, but on the device it does not order memory.
  expect_fault(FaultKind::kRace, "race at shared_memory_test.cpp:", run_neighbour<Order::kShuffle, 1>);
}

// A buffer that is used again: readers must be done before the next write.
template <bool Bug>
struct Reuse {
  struct Params {
    int* out;  // [64]
  };
  static constexpr int kThreads = 64, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    int sum = 0;
    for (int round = 0; round < 3; ++round) {
      if (m.thread() == 0) m.store(Shared{0}, round + 1);
      m.sync();
      sum += m.template load<int>(Shared{0});
      if (!Bug) m.sync();
    }
    m.store(p.out + m.thread(), sum);
  }
};
template <bool Bug>
void run_reuse(uint64_t seed) {
  EmulatedDevice device;
  DeviceBuffer<int> out(device, 64);
  emulate<Reuse<Bug>>(device, {{1, 1, 1}, 64, 16}, {out.data()}, {.seed = seed});
  EXPECT_EQ(out.download(), std::vector<int>(64, 6));
}
TEST(SharedMemory, WriteBeforeReadersAreDone) {
  expect_clean(run_reuse<false>);
  expect_fault(FaultKind::kRace, "shared byte 0 of 16", run_reuse<true>);
}

// Two threads that share a 4-byte word but no 2-byte number.
template <bool Bug>
struct Halves {
  struct Params {
    Bf16* out;  // [64]
  };
  static constexpr int kThreads = 64, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    const Shared mine{static_cast<uint32_t>(2 * (Bug ? m.thread() / 2 : m.thread()))};
    m.store(mine, Bf16{static_cast<uint16_t>(m.thread())});
    m.store(p.out + m.thread(), m.template load<Bf16>(mine));
  }
};
template <bool Bug>
void run_halves(uint64_t seed) {
  EmulatedDevice device;
  DeviceBuffer<Bf16> out(device, 64);
  emulate<Halves<Bug>>(device, {{1, 1, 1}, 64, 128}, {out.data()}, {.seed = seed});
}
TEST(SharedMemory, TwoWritersOfOneNumber) {
  expect_clean(run_halves<false>);
  expect_fault(FaultKind::kRace, "was written by warp", run_halves<true>);
}

// One access of 16 bytes by every thread, `offset` bytes from where it should be.
struct OneAccess {
  struct Params {
    uint32_t offset;
    bool write_first;
  };
  static constexpr int kThreads = 32, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    const Shared mine{static_cast<uint32_t>(16 * m.thread()) + p.offset};
    if (p.write_first) m.store(mine, Vec16{});
    m.template load<Vec16>(mine);
  }
};
auto one_access(uint32_t offset, bool write_first) {
  return [=](uint64_t seed) {
    EmulatedDevice device;
    emulate<OneAccess>(device, {{1, 1, 1}, 32, 512}, {offset, write_first}, {.seed = seed});
  };
}
TEST(SharedMemory, BoundsAlignmentAndPoison) {
  expect_clean(one_access(0, true));
  expect_fault(FaultKind::kOutOfBounds, "16 bytes at shared byte 512 of 512", one_access(16, true));
  expect_fault(FaultKind::kMisaligned, "16 bytes at shared byte", one_access(8, true));
  expect_fault(FaultKind::kUninitialised, "was never written", one_access(0, false));
}

// Rows of a tile that the copy forgot must not enter a product.
template <int Rows>
struct LoadPartOfATile {
  struct Params {};
  static constexpr int kThreads = 32, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params&) {
    if (m.lane() < Rows) m.store(Shared{static_cast<uint32_t>(16 * m.lane())}, Vec16{});
    m.sync_warp();
    uint32_t r[4];
    m.load_matrix(r, Shared{static_cast<uint32_t>(16 * m.lane())});
  }
};
template <int Rows>
void load_part_of_a_tile(uint64_t seed) {
  EmulatedDevice device;
  emulate<LoadPartOfATile<Rows>>(device, {{1, 1, 1}, 32, 512}, {}, {.seed = seed});
}
TEST(SharedMemory, MatrixRowThatNobodyWrote) {
  expect_clean(load_part_of_a_tile<32>);
  expect_fault(FaultKind::kUninitialised, "warp 0 lane 31: shared byte 496", load_part_of_a_tile<31>);
}

// All threads count into one word.
enum class Count { kRight, kNotZeroed, kReadTooEarly, kZeroedTooLate };
template <Count count>
struct CountThreads {
  struct Params {
    uint32_t* out;  // [64]
  };
  static constexpr int kThreads = 64, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    if (count != Count::kNotZeroed && m.thread() == 0) m.store(Shared{0}, 0u);
    if (count != Count::kZeroedTooLate) m.sync();
    m.add(Shared{0}, 2);
    if (count != Count::kReadTooEarly) m.sync();
    m.store(p.out + m.thread(), m.template load<uint32_t>(Shared{0}));
  }
};
template <Count count>
void run_count(uint64_t seed) {
  EmulatedDevice device;
  DeviceBuffer<uint32_t> out(device, 64);
  emulate<CountThreads<count>>(device, {{1, 1, 1}, 64, 4}, {out.data()}, {.seed = seed});
  EXPECT_EQ(out.download(), std::vector<uint32_t>(64, 128));
}
TEST(SharedMemory, AtomicsNeedBarriersAroundThem) {
  expect_clean(run_count<Count::kRight>);
  expect_fault(FaultKind::kUninitialised, "was never written", run_count<Count::kNotZeroed>);
  expect_fault(FaultKind::kRace, "nothing orders", run_count<Count::kReadTooEarly>);
  expect_some_fault(run_count<Count::kZeroedTooLate>);
}

TEST(SharedMemory, RacesCanBeLetThrough) {
  EmulatedDevice device;
  DeviceBuffer<int> out(device, 64);
  emulate<Reuse<true>>(device, {{1, 1, 1}, 64, 16}, {out.data()}, {.seed = 1, .races = false});
  EXPECT_EQ(out.unwritten(), 0u);
}

}  // namespace
}  // namespace dermis::testing
