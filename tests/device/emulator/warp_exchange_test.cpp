// Who and where a thread is, and what lanes tell each other.
#include "tests/device/emulator/fault_of.h"

namespace dermis::testing {
namespace {

struct WhoAmI {
  struct Params {
    int* seen;  // [blocks, 64 threads, 8]
  };
  static constexpr int kThreads = 64, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    const int block = (m.block(2) * m.blocks(1) + m.block(1)) * m.blocks(0) + m.block(0);
    int* seen = p.seen + (block * 64 + m.thread()) * 8;
    const int values[8] = {m.thread(), m.lane(),   m.warp(),    m.block(0),
                           m.block(1), m.block(2), m.blocks(0), static_cast<int>(m.shared_bytes())};
    for (int i = 0; i < 8; ++i) m.store(seen + i, values[i]);
  }
};

TEST(WarpExchange, EveryThreadOfEveryBlockRuns) {
  EmulatedDevice device;
  DeviceBuffer<int> seen(device, 24 * 64 * 8);
  emulate<WhoAmI>(device, {{2, 3, 4}, 64, 48}, {seen.data()}, {.seed = 5, .resident_blocks = 3});
  const std::vector<int> got = seen.download();
  for (int block = 0; block < 24; ++block) {
    for (int thread = 0; thread < 64; ++thread) {
      const int want[8] = {thread, thread % 32, thread / 32, block % 2, block / 2 % 3, block / 6, 2, 48};
      for (int i = 0; i < 8; ++i) ASSERT_EQ(got[static_cast<size_t>((block * 64 + thread) * 8 + i)], want[i]);
    }
  }
}

struct Exchange {
  struct Params {
    float* sum;        // [32]
    uint32_t* turned;  // [32]
    int* any;          // [2]
  };
  static constexpr int kThreads = 32, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    float sum = static_cast<float>(m.lane());
    for (int mask = 16; mask > 0; mask /= 2) sum += m.shuffle_xor(sum, mask);
    m.store(p.sum + m.lane(), sum);
    m.store(p.turned + m.lane(), m.shuffle(static_cast<uint32_t>(100 + m.lane()), (m.lane() + 5) % 32));
    const bool one = m.any(m.lane() == 31), none = m.any(m.lane() == 32);
    if (m.lane() == 0) {
      m.store(p.any, static_cast<int>(one));
      m.store(p.any + 1, static_cast<int>(none));
    }
  }
};

TEST(WarpExchange, ShufflesAndVotes) {
  EmulatedDevice device;
  DeviceBuffer<float> sum(device, 32);
  DeviceBuffer<uint32_t> turned(device, 32);
  DeviceBuffer<int> any(device, 2);
  const EmulationReport report = emulate<Exchange>(device, {{1, 1, 1}, 32, 0}, {sum.data(), turned.data(), any.data()});
  for (uint32_t lane = 0; lane < 32; ++lane) {
    EXPECT_EQ(sum.download()[lane], 31 * 32 / 2);
    EXPECT_EQ(turned.download()[lane], 100 + (lane + 5) % 32);
  }
  EXPECT_EQ(any.download(), (std::vector<int>{1, 0}));
  EXPECT_EQ(report.warp_calls, 8u);  // 5 + 1 shuffles, 2 votes
}

// Lane 0 of both warps of two blocks takes a ticket.
struct Tickets {
  struct Params {
    uint32_t* counter;
    uint32_t* order;  // [4] by block and warp
  };
  static constexpr int kThreads = 64, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    const int warp = m.warp();
    if (m.lane() == 0) m.store(p.order + m.block(0) * 2 + warp, m.add(p.counter, 1));
  }
};

TEST(WarpExchange, SeedsDecideTheOrder) {
  EmulatedDevice device;
  const auto order_of = [&](uint64_t seed) {
    DeviceBuffer<uint32_t> counter(device, std::vector<uint32_t>{0}), order(device, 4);
    emulate<Tickets>(device, {{2, 1, 1}, 64, 0}, {counter.data(), order.data()}, {.seed = seed, .resident_blocks = 2});
    EXPECT_EQ(counter.download()[0], 4u);
    return order.download();
  };
  std::vector<std::vector<uint32_t>> orders;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    orders.push_back(order_of(seed));
    EXPECT_EQ(orders.back(), order_of(seed));
  }
  std::sort(orders.begin(), orders.end());
  orders.erase(std::unique(orders.begin(), orders.end()), orders.end());
  EXPECT_EQ(orders.size(), 24u);  // all orders of four tickets
}

}  // namespace
}  // namespace dermis::testing
