// Asynchronous copies: what they bring, when it can be read, and the ways to get that wrong.
#include "tests/device/emulator/fault_of.h"

namespace dermis::testing {
namespace {

Launch launch_of(uint32_t threads, uint32_t shared_bytes) { return {{1, 1, 1}, threads, shared_bytes}; }

std::vector<int> counting(size_t count) {
  std::vector<int> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<int>(i) + 1;
  return values;
}

struct ZeroFill {
  struct Params {
    const int* in;  // [64 threads, 4]
    int* out;       // [64 threads, 4]
  };
  static constexpr int kThreads = 64, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    const Shared mine{static_cast<uint32_t>(16 * m.thread())};
    const bool valid = m.thread() % 3 != 0;
    m.copy_async16(mine, valid ? p.in + 4 * m.thread() : nullptr, valid);
    m.commit();
    m.template wait<0>();
    for (int i = 0; i < 4; ++i)
      m.store(p.out + 4 * m.thread() + i, m.template load<int>(mine + static_cast<uint32_t>(4 * i)));
  }
};
TEST(AsyncCopies, BringBytesOrZeros) {
  EmulatedDevice device;
  DeviceBuffer<int> in(device, counting(256)), out(device, 256);
  const EmulationReport report = emulate<ZeroFill>(device, launch_of(64, 1024), {in.data(), out.data()});
  EXPECT_EQ(report.async_copies, 64u);
  for (size_t i = 0; i < 256; ++i) EXPECT_EQ(out.download()[i], i / 4 % 3 != 0 ? static_cast<int>(i) + 1 : 0);
}

// A pipeline of two stages: while one stage is read the next is on its way.
enum class Bug { kNone, kNoWait, kWaitsForTooFew, kNoBarrierAfterWait, kNoBarrierBeforeReuse, kNoCommit, kNoDrain };
template <Bug bug>
struct Pipeline {
  struct Params {
    const int* in;  // [5 stages, 64 threads, 4]
    int* out;       // [64]
  };
  static constexpr int kThreads = 64, kBlocksPerSm = 1, kStages = 5;
  template <class M>
  static void run(M& m, const Params& p) {
    const auto copy = [&](int stage) {
      const bool exists = stage < kStages || bug == Bug::kNoDrain;
      const Shared to{static_cast<uint32_t>(stage % 2 * 1024 + 16 * m.thread())};
      if (exists) m.copy_async16(to, p.in + (stage % kStages * 64 + m.thread()) * 4, true);
      if (bug != Bug::kNoCommit) m.commit();
    };
    copy(0);
    int sum = 0;
    for (int stage = 0; stage < kStages; ++stage) {
      copy(stage + 1);
      if constexpr (bug != Bug::kNoWait) m.template wait<bug == Bug::kWaitsForTooFew ? 2 : 1>();
      if constexpr (bug != Bug::kNoBarrierAfterWait) m.sync();
      sum += m.template load<int>(Shared{static_cast<uint32_t>(stage % 2 * 1024 + 16 * (m.thread() ^ 32))});
      if constexpr (bug != Bug::kNoBarrierBeforeReuse) m.sync();
    }
    m.store(p.out + m.thread(), sum);
  }
};
template <Bug bug>
void run_pipeline(uint64_t seed) {
  EmulatedDevice device;
  DeviceBuffer<int> in(device, counting(5 * 256)), out(device, 64);
  emulate<Pipeline<bug>>(device, launch_of(64, 2048), {in.data(), out.data()}, {.seed = seed});
  for (int thread = 0; thread < 64; ++thread) {
    int want = 0;
    for (int stage = 0; stage < 5; ++stage) want += 1 + stage * 256 + 4 * (thread ^ 32);
    EXPECT_EQ(out.download()[static_cast<size_t>(thread)], want);
  }
}
TEST(AsyncCopies, PipelineOfTwoStages) { expect_clean(run_pipeline<Bug::kNone>); }
TEST(AsyncCopies, ReadBeforeWait) {
  expect_fault(FaultKind::kCopyInFlight, "that has not landed", run_pipeline<Bug::kNoWait>);
}
TEST(AsyncCopies, WaitCountOffByOne) {
  expect_fault(FaultKind::kCopyInFlight, "that has not landed", run_pipeline<Bug::kWaitsForTooFew>);
}
TEST(AsyncCopies, NeverCommitted) {
  expect_fault(FaultKind::kCopyInFlight, "that has not landed", run_pipeline<Bug::kNoCommit>);
}
TEST(AsyncCopies, NoBarrierAfterWait) {
  // The other warp's copy is not there, on its way, or there by luck.
  expect_some_fault(run_pipeline<Bug::kNoBarrierAfterWait>);
}
TEST(AsyncCopies, StageOverwrittenWhileRead) {
  // The writer comes before a reader, or after it.
  expect_some_fault(run_pipeline<Bug::kNoBarrierBeforeReuse>);
}
TEST(AsyncCopies, ThreadLeavesBeforeTheyLand) {
  expect_fault(FaultKind::kCopyInFlight, "leaves before", run_pipeline<Bug::kNoDrain>);
}

// The source changes while the copy is on its way, though a barrier lies between the two calls.
template <bool Planted>
struct SourceChanges {
  struct Params {
    int* data;  // [4]
  };
  static constexpr int kThreads = 64, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    if (m.thread() == 0) {
      m.copy_async16(Shared{0}, p.data, true);
      m.commit();
      if (!Planted) m.template wait<0>();
    }
    m.sync();
    if (m.thread() == 32) m.store(p.data, 7);
    m.sync();
    if (m.thread() == 0) m.template wait<0>();
  }
};
template <bool Planted>
void run_source_changes(uint64_t seed) {
  EmulatedDevice device;
  DeviceBuffer<int> data(device, counting(4));
  emulate<SourceChanges<Planted>>(device, launch_of(64, 16), {data.data()}, {.seed = seed});
}
TEST(AsyncCopies, SourceMustNotChangeOnTheWay) {
  expect_clean(run_source_changes<false>);
  expect_fault(FaultKind::kRace, "while an asynchronous copy of it was on its way", run_source_changes<true>);
}

struct Misplaced {
  struct Params {
    const int* in;
    uint32_t to;
  };
  static constexpr int kThreads = 32, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    if (m.lane() == 0) m.copy_async16(Shared{p.to}, p.in, true);
    m.commit();
    m.template wait<0>();
  }
};
TEST(AsyncCopies, BoundsAndAlignment) {
  EmulatedDevice device;
  DeviceBuffer<int> in(device, counting(8));
  const auto run = [&](uint32_t to, int element) {
    return [&device, &in, to, element](uint64_t seed) {
      emulate<Misplaced>(device, launch_of(32, 64), {in.data() + element, to}, {.seed = seed});
    };
  };
  expect_clean(run(48, 4));
  expect_fault(FaultKind::kMisaligned, "16 bytes at shared byte 8", run(8, 0));
  expect_fault(FaultKind::kOutOfBounds, "shared byte 64 of 64", run(64, 0));
  expect_fault(FaultKind::kMisaligned, "16 bytes at byte 4 of the buffer", run(0, 1));
  expect_fault(FaultKind::kOutOfBounds, "at byte 32 of the buffer of 32 bytes", run(0, 8));
}

}  // namespace
}  // namespace dermis::testing
