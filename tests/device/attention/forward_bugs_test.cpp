// Bugs planted in the forward kernel, by machines that do one thing wrong, are caught: as faults of the emulator, as
// wrong numbers or as numbers that were never written.
#include "tests/device/attention/attention_masks.h"
#include "tests/device/attention/forward_case.h"
#include "tests/device/emulator/fault_of.h"

namespace dermis::testing {
namespace {

template <int D>
AttentionProblem causal_problem() {
  return random_problem<Bf16>(VisibleKeys::packed_causal(std::vector<int32_t>{150}), 1, 1, D, 0, 5);
}
template <int D, class Machine>
ForwardResult run(uint64_t seed) {
  return run_forward<Bf16, D, false, Machine>(causal_problem<D>(), Layout::contiguous, {.seed = seed});
}
template <int D, class Machine>
void expect_wrong_numbers() {
  const AttentionProblem problem = causal_problem<D>();
  const std::vector<double> exact = exact_attention(problem, false).o;
  const std::vector<double> found = run<D, Machine>(1).o;
  double worst = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    worst = std::isnan(found[i]) ? 1e9 : std::max(worst, std::abs(found[i] - exact[i]));
  }
  EXPECT_GT(worst, 0.05);
}

// The barrier number `Skipped` of every thread is left out. 0: queries have come. 1: queries have been read. Then one a
// tile, and one before results leave through the ring.
template <int Skipped>
struct WithoutBarrier : Emulator {
  int barriers = 0;
  void sync(CallSite site = CallSite::here()) {
    if (barriers++ != Skipped) Emulator::sync(site);
  }
};
TEST(AttentionForwardBugs, MissingBarrier) {
  expect_clean(run<64, WithoutBarrier<-1>>);
  expect_some_fault(run<64, WithoutBarrier<0>>);
  expect_some_fault(run<64, WithoutBarrier<3>>);
  expect_some_fault(run<64, WithoutBarrier<4>>);
  expect_some_fault(run<64, WithoutBarrier<5>>);
  expect_some_fault(run<128, WithoutBarrier<1>>);
  expect_some_fault(run<256, WithoutBarrier<1>>);
}

struct WithoutWait : Emulator {
  template <int N>
  void wait() {}
};
struct WaitsForOneLess : Emulator {
  template <int N>
  void wait() {
    Emulator::wait<N + 1>();
  }
};
TEST(AttentionForwardBugs, MissingWait) {
  expect_some_fault(run<64, WithoutWait>);
  expect_some_fault(run<64, WaitsForOneLess>);
  expect_some_fault(run<128, WaitsForOneLess>);
}

// Reads neighbouring chunks swapped: what a kernel does that permutes on one side only.
struct WrongPermutation : Emulator {
  template <int N>
  void load_matrix_transposed(uint32_t (&r)[N], Shared row, CallSite site = CallSite::here()) {
    Emulator::load_matrix_transposed(r, Shared{row.at ^ 16}, site);
  }
};
TEST(AttentionForwardBugs, WrongPermutation) {
  expect_wrong_numbers<64, WrongPermutation>();
  expect_wrong_numbers<256, WrongPermutation>();
}

// Intervals as the classes of tiles see them (after a barrier, before scores are computed) end a key too late: a tile
// counts as full although the last key of it is hidden from the first row.
struct FullByOneKey : Emulator {
  bool scoring = false;
  void sync(CallSite site = CallSite::here()) {
    scoring = false;
    Emulator::sync(site);
  }
  template <int N>
  void load_matrix(uint32_t (&r)[N], Shared row, CallSite site = CallSite::here()) {
    scoring = true;
    Emulator::load_matrix(r, row, site);
  }
  template <int N>
  void load_matrix_transposed(uint32_t (&r)[N], Shared row, CallSite site = CallSite::here()) {
    scoring = false;
    Emulator::load_matrix_transposed(r, row, site);
  }
  template <class T>
  T load(Shared at, CallSite site = CallSite::here()) {
    T value = Emulator::load<T>(at, site);
    if constexpr (requires { value.hi; }) value.hi += scoring ? 0 : 1;
    return value;
  }
  template <class T>
  T load(const T* from, CallSite site = CallSite::here()) {
    return Emulator::load(from, site);
  }
};
TEST(AttentionForwardBugs, TileClassOffByOne) {
  // Rows 0 .. 31 see keys below 63: the first tile of 64 keys is partial for them.
  const AttentionProblem problem =
      random_problem<Bf16>(VisibleKeys(std::vector<int32_t>(32, 0), std::vector<int32_t>(32, 63), 200), 1, 1, 64, 0, 5);
  const std::vector<double> exact = exact_attention(problem, false).lse;
  expect_lse_near("as it is", run_forward<Bf16, 64, false>(problem, Layout::contiguous).lse, exact);
  // Key 63 is past the block's last: a zero with a score of 0, which takes weight from the others.
  const std::vector<float> found = run_forward<Bf16, 64, false, FullByOneKey>(problem, Layout::contiguous).lse;
  double worst = 0;
  for (size_t i = 0; i < exact.size(); ++i) worst = std::max(worst, std::abs(found[i] - exact[i]));
  EXPECT_GT(worst, 1e-3);
}

// One lane does not store its piece of a row.
struct LosesAPiece : Emulator {
  template <class T>
  void store(Shared at, T value, CallSite site = CallSite::here()) {
    Emulator::store(at, value, site);
  }
  template <class T>
  void store(T* to, T value, CallSite site = CallSite::here()) {
    if (sizeof(T) == 16 && thread() == 37) return;
    Emulator::store(to, value, site);
  }
};
TEST(AttentionForwardBugs, UnwrittenRow) {
  EXPECT_TRUE((run<64, Emulator>(1).exactly_written));
  EXPECT_FALSE((run<64, LosesAPiece>(1).exactly_written));
}

}  // namespace
}  // namespace dermis::testing
