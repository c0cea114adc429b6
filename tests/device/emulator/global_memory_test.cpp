// Bugs planted in the use of global memory, and what DeviceBuffer knows about it.
#include "tests/device/emulator/fault_of.h"

namespace dermis::testing {
namespace {

// Every thread of every block stores into element `stride` * its number + `offset`, or leaves it out.
struct Fill {
  struct Params {
    int* out;
    int stride, offset, threads;  // threads with a smaller number than `threads` store
  };
  static constexpr int kThreads = 32, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    const int number = m.block(0) * 32 + m.thread();
    if (number < p.threads) m.store(p.out + number * p.stride + p.offset, number);
  }
};
const Launch kTwoBlocks{{2, 1, 1}, 32, 0};

TEST(GlobalMemory, UnwrittenElementsAreCounted) {
  EmulatedDevice device;
  DeviceBuffer<int> out(device, 64), short_by_one(device, 64);
  emulate<Fill>(device, kTwoBlocks, {out.data(), 1, 0, 64});
  EXPECT_EQ(out.unwritten(), 0u);
  EXPECT_EQ(out.download()[63], 63);
  emulate<Fill>(device, kTwoBlocks, {short_by_one.data(), 1, 0, 63});
  EXPECT_EQ(short_by_one.unwritten(), 1u);
  EXPECT_EQ(short_by_one.download()[63], -1);  // poison
}

TEST(GlobalMemory, OutOfBounds) {
  EmulatedDevice device;
  DeviceBuffer<int> before(device, 64), out(device, 64), after(device, 64);
  expect_fault(FaultKind::kOutOfBounds, "4 bytes of global memory at byte 256 of the buffer of 256 bytes",
               [&](uint64_t seed) {
                 emulate<Fill>(device, kTwoBlocks, {out.data(), 1, 1, 64}, {.seed = seed});
               });
  expect_fault(FaultKind::kOutOfBounds, "at byte -4 of the buffer", [&](uint64_t seed) {
    emulate<Fill>(device, kTwoBlocks, {out.data(), 1, -1, 64}, {.seed = seed});
  });
}

TEST(GlobalMemory, TwoBlocksWriteOneAddress) {
  EmulatedDevice device;
  DeviceBuffer<int> out(device, 64);
  expect_fault(FaultKind::kRace, "nothing orders that write", [&](uint64_t seed) {
    emulate<Fill>(device, kTwoBlocks, {out.data(), 0, 5, 64}, {.seed = seed});
  });
  // The next launch comes after all of the last one.
  expect_clean([&](uint64_t seed) { emulate<Fill>(device, kTwoBlocks, {out.data(), 0, 5, 1}, {.seed = seed}); });
}

struct FillHalves {
  struct Params {
    Fp16* out;
  };
  static constexpr int kThreads = 32, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    m.store(p.out + m.thread() * 2 + m.block(0), Fp16{0});
  }
};
TEST(GlobalMemory, TwoBlocksMayWriteNeighbouringNumbers) {
  EmulatedDevice device;
  DeviceBuffer<Fp16> out(device, 64);
  emulate<FillHalves>(device, kTwoBlocks, {out.data()}, {.resident_blocks = 2});
  EXPECT_EQ(out.unwritten(), 0u);
}

struct Stray {
  struct Params {
    int* out;
  };
  static constexpr int kThreads = 32, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    if (m.thread() == 0) p.out[-1] = 0;
  }
};
TEST(GlobalMemory, WritesBesideTheMachineAreSeenAfterwards) {
  EmulatedDevice device;
  DeviceBuffer<int> out(device, 4);
  expect_fault(FaultKind::kOutOfBounds, "changed bytes around a buffer of 16 bytes", [&](uint64_t) {
    emulate<Stray>(device, {{1, 1, 1}, 32, 0}, {out.data()});
  });
}

struct LoadOne {
  struct Params {
    const float* in;
    int byte;
  };
  static constexpr int kThreads = 32, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    m.load(reinterpret_cast<const float*>(reinterpret_cast<const char*>(p.in) + p.byte));
  }
};
TEST(GlobalMemory, AlignmentAndPoison) {
  EmulatedDevice device;
  DeviceBuffer<float> in(device, 2), unwritten(device, 2);
  in.upload_values(std::vector<double>{1, 2});
  const auto load = [&](const float* from, int byte) {
    return [&device, from, byte](uint64_t seed) {
      emulate<LoadOne>(device, {{1, 1, 1}, 32, 0}, {from, byte}, {.seed = seed});
    };
  };
  expect_clean(load(in.data(), 4));
  expect_fault(FaultKind::kMisaligned, "4 bytes at byte 2 of the buffer of 8 bytes", load(in.data(), 2));
  expect_fault(FaultKind::kUninitialised, "byte 4 of the buffer of 8 bytes was never written",
               load(unwritten.data(), 4));
  expect_fault(FaultKind::kOutOfBounds, "of global memory in no buffer", load(nullptr, 0));
}

// x = 2 x in place.
enum class Reads { kAsConstant, kAsOwn, kAsWritten, kBackAsConstant };
template <Reads reads>
struct Double {
  struct Params {
    float* x;  // [64]
  };
  static constexpr int kThreads = 64, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    float* x = p.x + m.thread();
    m.store(x, 2 * (reads == Reads::kAsConstant ? m.load(x)
                    : reads == Reads::kAsOwn    ? m.load_own(x)
                                                : m.load_written(x)));
    if (reads == Reads::kBackAsConstant) m.load(x);
  }
};
template <Reads reads>
void run_double(uint64_t seed) {
  EmulatedDevice device;
  DeviceBuffer<float> x(device, std::vector<float>(64, 3.0f));
  emulate<Double<reads>>(device, {{1, 1, 1}, 64, 0}, {x.data()}, {.seed = seed});
  EXPECT_EQ(x.download(), std::vector<float>(64, 6.0f));
}
TEST(GlobalMemory, ConstantLoadsAreOfWhatNobodyWrites) {
  expect_clean(run_double<Reads::kAsWritten>);
  expect_clean(run_double<Reads::kAsOwn>);
  expect_fault(FaultKind::kNotCoherent, "with load() as constant during this launch", run_double<Reads::kAsConstant>);
  expect_fault(FaultKind::kNotCoherent, "load() may see the old bytes", run_double<Reads::kBackAsConstant>);
}

// Through global memory from one warp to the other.
template <bool Planted>
struct Handover {
  struct Params {
    float* x;  // [64]
  };
  static constexpr int kThreads = 64, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    m.store(p.x + m.thread(), 1.0f);
    if (!Planted) m.sync();
    m.load_written(p.x + (m.thread() ^ 32));
  }
};
template <bool Planted>
void run_handover(uint64_t seed) {
  EmulatedDevice device;
  DeviceBuffer<float> x(device, std::vector<float>(64, 0.0f));
  emulate<Handover<Planted>>(device, {{1, 1, 1}, 64, 0}, {x.data()}, {.seed = seed});
}
TEST(GlobalMemory, BarriersOrderItToo) {
  expect_clean(run_handover<false>);
  expect_fault(FaultKind::kRace, "nothing orders", run_handover<true>);
}

TEST(GlobalMemory, ImpossibleLaunches) {
  EmulatedDevice device;
  DeviceBuffer<int> out(device, 64);
  const auto kind_of = [&](const Launch& launch) {
    const auto fault = fault_of([&] { emulate<Fill>(device, launch, {out.data(), 1, 0, 0}); });
    return fault.has_value() ? std::string(fault->what()) : std::string();
  };
  EXPECT_EQ(kind_of({{1, 1, 1}, 32, kSharedLimit}), "");
  EXPECT_NE(kind_of({{1, 1, 1}, 32, kSharedLimit + 1}).find("bytes of shared memory"), std::string::npos);
  EXPECT_NE(kind_of({{1, 1, 1}, 48, 0}).find("48 threads"), std::string::npos);
  EXPECT_NE(kind_of({{1, 1, 1}, 64, 0}).find("compiled for 32"), std::string::npos);
  EXPECT_NE(kind_of({{1, 65536, 1}, 32, 0}).find("65535"), std::string::npos);
}

}  // namespace
}  // namespace dermis::testing
