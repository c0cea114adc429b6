// The benchmark's course with a clock that a test winds: what is checked, what is timed, and in which order.
#include "benchmarks/attention/bench.h"

#include <ATen/ATen.h>
#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "benchmarks/attention/reference.h"
#include "benchmarks/contest/accuracy.h"
#include "core/error.h"
#include "kernels/attention/attention.h"

namespace dermis {
namespace {

using ::testing::HasSubstr;

AttentionWorkload small(MaskKind mask) {
  AttentionWorkload w;
  w.name = "small";
  w.mask = mask;
  w.lengths = {5, 9};
  w.heads = 4;
  w.kv_heads = 2;
  w.head_size = 8;
  if (mask == MaskKind::prefix_lm) w.prefixes = {2, 9};
  if (mask == MaskKind::blocks) w.blocks = {{1, 4}, {7, 10}};
  if (mask == MaskKind::window || mask == MaskKind::blocks) w.window = 3;
  return w;
}

constexpr MaskKind kMasks[] = {MaskKind::full,   MaskKind::causal, MaskKind::prefix_lm,
                               MaskKind::window, MaskKind::blocks, MaskKind::cached};

TEST(AttentionWorkload, CountsVisiblePairsAlone) {
  AttentionWorkload w = small(MaskKind::causal);
  EXPECT_EQ(w.forward_flops(), 4.0 * 4 * 8 * (5 * 6 / 2 + 9 * 10 / 2));
  EXPECT_EQ(w.backward_flops(), 10.0 * 4 * 8 * (15 + 45));
  EXPECT_EQ(small(MaskKind::full).forward_flops(), 4.0 * 4 * 8 * (25 + 81));
  EXPECT_EQ(small(MaskKind::cached).visible().row_count(), 2);
  EXPECT_EQ(small(MaskKind::cached).cache_bytes(2), 2.0 * 14 * 2 * 8 * 2);
  AttentionWorkload cached = small(MaskKind::cached);
  cached.window = 6;
  EXPECT_EQ(cached.cache_bytes(2), 2.0 * (5 + 6) * 2 * 8 * 2);
  EXPECT_FALSE(w.uniform());
  EXPECT_THAT(w.title(), HasSubstr("2 x up to 9 tokens, hd 8, heads 4:2"));
  w.lengths = {9, 9};
  EXPECT_TRUE(w.uniform());
}

TEST(AttentionWorkload, EveryWorkloadHasItsMask) {
  for (const auto& workloads : {cpu_attention_workloads(), gpu_attention_workloads()})
    for (const AttentionWorkload& w : workloads) EXPECT_GT(w.visible().area(), 0) << w.name;
}

// The reference of the benchmark against the fp64 loops of the operator.
TEST(AttentionBench, ReferenceIsAttention) {
  for (const MaskKind mask : kMasks) {
    for (const double softcap : {0.0, 2.0}) {
      AttentionWorkload w = small(mask);
      w.softcap = softcap;
      const AttentionOperands x = random_operands(w, at::kFloat);
      const AttentionReference exact =
          attention_reference(x.q, x.k, x.v, w.visible(), {.scale = 0, .softcap = softcap}, x.grad_o);
      const std::vector<at::Tensor> expected{exact.o_THD.to(at::kFloat), exact.dq_THD.to(at::kFloat),
                                             exact.dk_SGD.to(at::kFloat), exact.dv_SGD.to(at::kFloat)};
      EXPECT_LT(relative_error(reference_results(w, x), expected), 1e-5) << static_cast<int>(mask);
    }
  }
}

TEST(AttentionBench, RivalsAreRightWhereTheirLibraryTakesTheWorkload) {
  for (const MaskKind mask : kMasks) {
    AttentionWorkload w = small(mask);
    for (const bool uniform : {false, true}) {
      if (uniform) w.lengths = {10, 10};
      if (uniform && mask == MaskKind::prefix_lm) w.prefixes = {3, 3};
      const AttentionOperands x = random_operands(w, at::kFloat);
      const auto expected = reference_results(w, x);
      int right = 0;
      for (const auto& makers :
           {mask == MaskKind::cached ? std::vector<RivalMaker>() : cpu_rivals(w, x), gpu_rivals(w, x)}) {
        for (const RivalMaker& maker : makers) {
          try {
            const auto rival = maker.make();
            rival->forward();
            rival->forward_for_backward();
            rival->backward();
            EXPECT_EQ(rival->name(), maker.name);
            EXPECT_LT(relative_error(rival->results(), expected), 1e-5) << maker.name << static_cast<int>(mask);
            ++right;
          } catch (const c10::Error&) {
            continue;  // a kernel that the CPU does not have
          }
        }
      }
      EXPECT_GE(right, mask == MaskKind::cached ? (uniform ? 1 : 0) : 3) << static_cast<int>(mask);
    }
  }
}

// Caches with pages, with a window, and with both: ours and what gathers or slices.
TEST(AttentionBench, DecodingFromPagesAndWindowsIsRight) {
  for (const bool paged : {false, true}) {
    for (const int32_t window : {0, 100}) {
      if (!paged && window == 0) continue;
      AttentionWorkload w = small(MaskKind::cached);
      w.lengths = {150, 150, 150};
      w.paged = paged;
      w.window = window;
      const AttentionOperands x = random_operands(w, at::kFloat);
      const auto expected = reference_results(w, x);
      std::vector<RivalMaker> makers = gpu_rivals(w, x);
      makers.push_back({"Dermis", [&] { return own_attention(w, x); }});
      int right = 0;
      for (const RivalMaker& maker : makers) {
        try {
          const auto contender = maker.make();
          contender->forward();
          EXPECT_EQ(contender->name(), maker.name);
          EXPECT_LT(relative_error(contender->results(), expected), 1e-5) << maker.name << paged << window;
          ++right;
        } catch (const c10::Error&) {
          continue;  // a kernel that the CPU does not have
        }
      }
      EXPECT_GE(right, 2) << paged << window;
    }
  }
}

// Says that every call took as long as the test wants, and notes when it was asked.
class FakeStopwatch : public Stopwatch {
 public:
  double seconds(const std::function<void()>& call, int calls) override {
    call();
    calls_seen.push_back(calls);
    return next += 1e-3;
  }
  double cold_seconds(const std::function<void()>& call) override {
    call();
    return 1.0;
  }
  double next = 0;
  std::vector<int> calls_seen;
};

// Multiplies the result of our own attention, counts its runs.
RivalMaker scaled_rival(const AttentionWorkload& w, const AttentionOperands& x, double factor, std::string name,
                        std::string* order) {
  return {name, [=] {
            const auto visible = std::make_shared<const VisibleKeys>(w.visible());
            return autograd_contender({name, x,
                                       [=](const AttentionOperands& in) {
                                         if (order != nullptr) *order += name;
                                         return attention(in.q, in.k, in.v, visible) * factor;
                                       },
                                       [](const at::Tensor& t) { return t; }});
          }};
}

TEST(AttentionBench, TimesWhatIsRightAndSaysWhyNotTheRest) {
  const AttentionWorkload w = small(MaskKind::prefix_lm);
  const AttentionOperands x = random_operands(w, at::kFloat);
  FakeStopwatch stopwatch;
  const AttentionBenchSetting setting{
      .stopwatch = stopwatch, .limit = [](bool decode) { return decode ? 0 : 5e9; }, .rounds = 3, .sample_s = 1e-3};
  const std::vector<RivalMaker> rivals{
      scaled_rival(w, x, 1, "right", nullptr),
      scaled_rival(w, x, 1.01, "wrong", nullptr),
      {"refused", []() -> std::unique_ptr<AttentionContender> { TORCH_CHECK(false, "not this head size\nmore"); }}};
  const std::vector<ContestRow> rows = bench_workload(w, x, rivals, setting);
  ASSERT_EQ(rows.size(), 2U);
  for (const ContestRow& row : rows) {
    ASSERT_EQ(row.contenders.size(), 4U);
    EXPECT_EQ(row.limit, 5e9);
    EXPECT_EQ(row.ours().name, "Dermis");
    EXPECT_EQ(row.ours().failure, "");
    EXPECT_GT(row.ours().warm.median, 0);
    EXPECT_EQ(row.ours().cold.median, 1.0);
    EXPECT_EQ(row.best_rival()->name, "right");
    EXPECT_THAT(row.contenders[2].failure, HasSubstr("wrong: off by"));
    EXPECT_EQ(row.contenders[2].warm.median, 0);
    EXPECT_EQ(row.contenders[3].failure, "not this head size");
  }
  EXPECT_EQ(rows[0].pass, "forward");
  EXPECT_EQ(rows[1].pass, "backward");
  EXPECT_EQ(rows[1].work, 2.5 * rows[0].work);
}

TEST(AttentionBench, ContendersTakeTurnsAndTheFirstChanges) {
  const AttentionWorkload w = small(MaskKind::cached);
  const AttentionOperands x = random_operands(w, at::kFloat);
  FakeStopwatch stopwatch;
  std::string order;
  const AttentionBenchSetting setting{
      .stopwatch = stopwatch, .limit = [](bool decode) { return decode ? 4e9 : 0; }, .rounds = 2, .cold = false};
  const auto rows =
      bench_workload(w, x, {scaled_rival(w, x, 1, "a", &order), scaled_rival(w, x, 1, "b", &order)}, setting);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].pass, "decode");
  EXPECT_EQ(rows[0].unit, "GB/s");
  EXPECT_EQ(rows[0].limit, 4e9);
  EXPECT_EQ(rows[0].ours().cold.median, 0);
  // Checked (a decoding step without autograd alone), sized, then round 0: ours a b, round 1: a b ours.
  EXPECT_EQ(order,
            "ababab"
            "ab");
}

TEST(AttentionBench, OurOwnWrongResultIsARowThatFailed) {
  const AttentionWorkload w = small(MaskKind::causal);
  AttentionOperands x = random_operands(w, at::kFloat);
  x.v[3][0][2] = NAN;
  FakeStopwatch stopwatch;
  const AttentionBenchSetting setting{.stopwatch = stopwatch, .limit = [](bool) { return 1.0; }, .rounds = 1};
  const auto rows = bench_workload(w, x, {scaled_rival(w, x, 1, "a", nullptr)}, setting);
  ASSERT_EQ(rows.size(), 2U);
  for (const ContestRow& row : rows) {
    EXPECT_TRUE(row.failed());
    EXPECT_THAT(row.ours().failure, HasSubstr("nan"));
    EXPECT_EQ(row.ratio(), 0);
    EXPECT_EQ(row.best_rival(), nullptr);
  }
  EXPECT_TRUE(stopwatch.calls_seen.empty());
}

// A rival that is right with autograd and wrong without, as one that takes another kernel for decoding could be.
TEST(AttentionBench, BothWaysOfRunningAreChecked) {
  const AttentionWorkload w = small(MaskKind::causal);
  const AttentionOperands x = random_operands(w, at::kFloat);
  FakeStopwatch stopwatch;
  const AttentionBenchSetting setting{.stopwatch = stopwatch, .limit = [](bool) { return 1.0; }, .rounds = 1};
  const auto visible = std::make_shared<const VisibleKeys>(w.visible());
  const RivalMaker two_faced{"two-faced", [&] {
                               return autograd_contender({"two-faced", x,
                                                          [=](const AttentionOperands& in) {
                                                            const at::Tensor o = attention(in.q, in.k, in.v, visible);
                                                            return at::GradMode::is_enabled() ? o : o * 2;
                                                          },
                                                          [](const at::Tensor& t) { return t; }});
                             }};
  const auto rows = bench_workload(w, x, {two_faced}, setting);
  EXPECT_THAT(rows[0].contenders[1].failure, HasSubstr("wrong: off by"));
  EXPECT_FALSE(rows[0].failed());
}

TEST(AttentionBench, ARivalThatStopsWhileItIsTimedLeavesTheOthersTheirTimes) {
  const AttentionWorkload w = small(MaskKind::causal);
  const AttentionOperands x = random_operands(w, at::kFloat);
  FakeStopwatch stopwatch;
  const AttentionBenchSetting setting{.stopwatch = stopwatch, .limit = [](bool) { return 1.0; }, .rounds = 2};
  const auto runs = std::make_shared<int>(0);
  const auto visible = std::make_shared<const VisibleKeys>(w.visible());
  const RivalMaker tired{"tired", [&, runs] {
                           return autograd_contender({"tired", x,
                                                      [=](const AttentionOperands& in) {
                                                        TORCH_CHECK(++*runs <= 2, "no memory left");
                                                        return attention(in.q, in.k, in.v, visible);
                                                      },
                                                      [](const at::Tensor& t) { return t; }});
                         }};
  const auto rows = bench_workload(w, x, {tired, scaled_rival(w, x, 1, "b", nullptr)}, setting);
  EXPECT_EQ(rows[0].contenders[1].failure, "no memory left");
  EXPECT_EQ(rows[0].best_rival()->name, "b");
  EXPECT_GT(rows[0].ratio(), 0);
}

TEST(AttentionBench, UnknownSizesAreRefusedWithTheList) {
  AttentionBenchOptions options;
  options.sizes = {"prefix"};
  try {
    bench_attention(options);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), HasSubstr("prefix-lm, packed, window"));
  }
}

}  // namespace
}  // namespace dermis
