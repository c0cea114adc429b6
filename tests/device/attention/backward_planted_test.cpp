// Bugs planted in the backward kernels, in what the host hands to them or in the machine under them: each must show.
#include "tests/device/attention/backward_case.h"
#include "tests/emulator/fault.h"

namespace dermis::testing {
namespace {

// Several tiles of rows and keys, partial and full ones, two heads a key head, two key heads.
AttentionProblem problem_of(int64_t D) {
  return random_problem<Bf16>(VisibleKeys::packed_prefix_lm(std::vector<int32_t>{150, 43}, std::vector<int32_t>{90, 0}),
                              4, 2, D, 0, 11);
}

// Largest errors by those of the plain computation; above 1.5, or not everything written, is a bug that shows.
struct Errors {
  double dq, dk, dv;
  bool exactly_written;
  bool shows() const { return !(dq <= 1.5 && dk <= 1.5 && dv <= 1.5) || !exactly_written; }
};

double ratio(const std::vector<double>& found, const std::vector<double>& plain, const std::vector<double>& exact) {
  double worst = 0, plain_worst = 0;
  for (size_t i = 0; i < exact.size(); ++i) {
    if (!std::isfinite(found[i])) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, std::abs(found[i] - exact[i]));
    plain_worst = std::max(plain_worst, std::abs(plain[i] - exact[i]));
  }
  return worst / plain_worst;
}

template <int D, class KeysMachine = Emulator, class RowsMachine = Emulator, class Falsify>
Errors errors_with(Falsify falsify, bool forget_delta = false) {
  const AttentionProblem problem = problem_of(D);
  const AttentionValues exact = exact_attention(problem, true), plain = plain_attention<Bf16>(problem, true);
  BackwardPlan plan = problem;
  falsify(plan);
  const BackwardResult found =
      run_backward<Bf16, D, false, KeysMachine, RowsMachine>(problem, exact, plan, Layout::contiguous, 1, forget_delta);
  return {ratio(found.dq, plain.dq, exact.dq), ratio(found.dk, plain.dk, exact.dk), ratio(found.dv, plain.dv, exact.dv),
          found.exactly_written};
}

constexpr auto kNothing = [](BackwardPlan&) {};

template <class Case>
class PlantedInBackward : public ::testing::Test {};
template <int N>
using HeadSize = std::integral_constant<int, N>;
using HeadSizes = ::testing::Types<HeadSize<64>, HeadSize<72>, HeadSize<128>, HeadSize<256>>;
TYPED_TEST_SUITE(PlantedInBackward, HeadSizes);

TYPED_TEST(PlantedInBackward, CleanTwinPasses) { EXPECT_FALSE(errors_with<TypeParam::value>(kNothing).shows()); }

TYPED_TEST(PlantedInBackward, ForgottenDeltaShows) {
  const Errors errors = errors_with<TypeParam::value>(kNothing, true);
  EXPECT_GT(errors.dq, 1.5);
  EXPECT_GT(errors.dk, 1.5);
}

// Everyone sees one key, or is seen by one row, too many or too few.
TYPED_TEST(PlantedInBackward, IntervalsOffByOneShow) {
  const auto moved = [](std::vector<int32_t> BackwardPlan::*ends, int32_t by, int32_t least, int32_t most) {
    return [=](BackwardPlan& plan) {
      for (int32_t& end : plan.*ends) end = std::clamp(end + by, least, most);
    };
  };
  constexpr int D = TypeParam::value, kRows = 193, kKeys = 193;
  EXPECT_GT(errors_with<D>(moved(&BackwardPlan::hi, 1, 0, kKeys)).dq, 1.5);
  EXPECT_GT(errors_with<D>(moved(&BackwardPlan::hi, -1, 0, kKeys)).dq, 1.5);
  EXPECT_GT(errors_with<D>(moved(&BackwardPlan::lo, 1, 0, kKeys)).dq, 1.5);
  EXPECT_GT(errors_with<D>(moved(&BackwardPlan::seen_from, -1, 0, kRows)).dk, 1.5);
  EXPECT_GT(errors_with<D>(moved(&BackwardPlan::seen_from, 1, 0, kRows)).dv, 1.5);
  EXPECT_GT(errors_with<D>(moved(&BackwardPlan::seen_to, -1, 0, kRows)).dv, 1.5);
}

// Two blocks that write the same gradients are a race already; blocks that come after each other leave a gap.
TYPED_TEST(PlantedInBackward, SkippedTilesShow) {
  const auto fault_or_gap = [](std::vector<int32_t> BackwardPlan::*order) {
    try {
      return errors_with<TypeParam::value>([&](BackwardPlan& plan) { (plan.*order)[0] = (plan.*order)[1]; }).shows();
    } catch (const EmulationFault& fault) {
      return fault.kind == FaultKind::kRace;
    }
  };
  EXPECT_TRUE(fault_or_gap(&BackwardPlan::key_tile_order));
  EXPECT_TRUE(fault_or_gap(&BackwardPlan::row_tile_order));
}

// Takes the tile on either side of the full ones for full, too.
template <int Rows>
class Generous : public Emulator {
 public:
  using Emulator::load;
  template <class T>
  T load(Shared at, CallSite site = CallSite::here()) {
    T value = Emulator::load<T>(at, site);
    if constexpr (std::is_same_v<T, Stream>) value.full_begin -= Rows, value.full_end += Rows;
    return value;
  }
};
TYPED_TEST(PlantedInBackward, TileClassOffByOneShows) {
  constexpr int D = TypeParam::value;
  const Errors keys = errors_with<D, Generous<keys_gradient_shape(D).stream>>(kNothing);
  EXPECT_GT(keys.dk, 1.5);
  EXPECT_GT(keys.dv, 1.5);
  EXPECT_GT((errors_with<D, Emulator, Generous<rows_gradient_shape(D).stream>>(kNothing).dq), 1.5);
}

// Leaves out the block barrier number `Skipped`, modulo `Period`, of every thread.
template <int Skipped, int Period>
class Forgetful : public Emulator {
 public:
  void sync(CallSite site = CallSite::here()) {
    if (count_++ % Period != Skipped) Emulator::sync(site);
  }

 private:
  int count_ = 0;
};
template <class Machine>
FaultKind fault_of_keys_kernel(auto head_size) {
  try {
    errors_with<decltype(head_size)::value, Machine>(kNothing);
  } catch (const EmulationFault& fault) {
    return fault.kind;
  }
  return FaultKind::kLaunch;  // none of those that are looked for
}
template <class Machine>
FaultKind fault_of_rows_kernel(auto head_size) {
  try {
    errors_with<decltype(head_size)::value, Emulator, Machine>(kNothing);
  } catch (const EmulationFault& fault) {
    return fault.kind;
  }
  return FaultKind::kLaunch;
}

bool is_order_fault(FaultKind kind) {
  return kind == FaultKind::kRace || kind == FaultKind::kCopyInFlight || kind == FaultKind::kUninitialised;
}

TYPED_TEST(PlantedInBackward, MissingBarrierShows) {
  // The first barrier publishes the plan of the block, the second one the first tile; with pairs, others the handover.
  EXPECT_TRUE(is_order_fault(fault_of_keys_kernel<Forgetful<0, 1000>>(TypeParam())));
  EXPECT_TRUE(is_order_fault(fault_of_keys_kernel<Forgetful<1, 1000>>(TypeParam())));
  EXPECT_TRUE(is_order_fault(fault_of_keys_kernel<Forgetful<2, 1000>>(TypeParam())));
  EXPECT_TRUE(is_order_fault(fault_of_rows_kernel<Forgetful<0, 1000>>(TypeParam())));
  EXPECT_TRUE(is_order_fault(fault_of_rows_kernel<Forgetful<1, 1000>>(TypeParam())));
  EXPECT_TRUE(is_order_fault(fault_of_rows_kernel<Forgetful<2, 1000>>(TypeParam())));
}

// Uses a tile one copy too early.
class Impatient : public Emulator {
 public:
  template <int N>
  void wait(CallSite site = CallSite::here()) {
    Emulator::wait<N + 1>(site);
  }
};
TYPED_TEST(PlantedInBackward, WaitThatIsTooShortShows) {
  EXPECT_TRUE(is_order_fault(fault_of_keys_kernel<Impatient>(TypeParam())));
  EXPECT_TRUE(is_order_fault(fault_of_rows_kernel<Impatient>(TypeParam())));
}

}  // namespace
}  // namespace dermis::testing
