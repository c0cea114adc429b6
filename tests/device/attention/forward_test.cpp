// The forward kernel under emulation against fp64, every instantiation on every kind of mask.
#include "tests/device/attention/attention_masks.h"
#include "tests/device/attention/forward_case.h"

namespace dermis::testing {
namespace {

struct Heads {
  int64_t H, G;
};
constexpr Heads kHeads[] = {{1, 1}, {2, 1}, {3, 1}, {8, 1}, {4, 2}};
constexpr Layout kLayouts[] = {Layout::contiguous, Layout::sliced, Layout::head_major};

template <class E, int D, bool kSoftcap>
void expect_exact() {
  ErrorTally<E> tally;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    size_t turn = seed;  // each seed pairs masks with other heads and layouts
    for (const Mask& mask : small_masks(seed)) {
      const Heads heads = kHeads[turn % std::size(kHeads)];
      const Layout layout = kLayouts[turn++ % std::size(kLayouts)];
      const std::string where = mask.name + ", seed " + std::to_string(seed) + ", " + std::to_string(heads.H) + ":" +
                                std::to_string(heads.G) + " heads";
      const AttentionProblem problem = random_problem<E>(mask.visible, heads.H, heads.G, D, kSoftcap ? 3.0 : 0.0, seed);
      const ForwardResult found = run_forward<E, D, kSoftcap>(problem, layout, {.seed = seed});
      const AttentionValues exact = exact_attention(problem, false);
      tally.add(where, found.o, plain_attention<E>(problem, false).o, exact.o);
      expect_lse_near(where, found.lse, exact.lse);
      EXPECT_TRUE(found.exactly_written) << where;
      EXPECT_EQ(found.report.bank_conflicts, 0u) << where;
    }
  }
  tally.expect_within_bounds("o");
}

TEST(AttentionForward, Bf16Head64) { expect_exact<Bf16, 64, false>(); }
TEST(AttentionForward, Bf16Head64Softcap) { expect_exact<Bf16, 64, true>(); }
TEST(AttentionForward, Bf16Head72) { expect_exact<Bf16, 72, false>(); }
TEST(AttentionForward, Bf16Head72Softcap) { expect_exact<Bf16, 72, true>(); }
TEST(AttentionForward, Bf16Head128) { expect_exact<Bf16, 128, false>(); }
TEST(AttentionForward, Bf16Head128Softcap) { expect_exact<Bf16, 128, true>(); }
TEST(AttentionForward, Bf16Head256) { expect_exact<Bf16, 256, false>(); }
TEST(AttentionForward, Bf16Head256Softcap) { expect_exact<Bf16, 256, true>(); }
TEST(AttentionForward, Fp16Head64) { expect_exact<Fp16, 64, false>(); }
TEST(AttentionForward, Fp16Head64Softcap) { expect_exact<Fp16, 64, true>(); }
TEST(AttentionForward, Fp16Head72) { expect_exact<Fp16, 72, false>(); }
TEST(AttentionForward, Fp16Head72Softcap) { expect_exact<Fp16, 72, true>(); }
TEST(AttentionForward, Fp16Head128) { expect_exact<Fp16, 128, false>(); }
TEST(AttentionForward, Fp16Head128Softcap) { expect_exact<Fp16, 128, true>(); }
TEST(AttentionForward, Fp16Head256) { expect_exact<Fp16, 256, false>(); }
TEST(AttentionForward, Fp16Head256Softcap) { expect_exact<Fp16, 256, true>(); }

// Scores so large that weights of a row's earlier keys are worth nothing once a later one has come.
template <class E>
void expect_exact_with_large_scores() {
  ErrorTally<E> tally;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    AttentionProblem problem =
        random_problem<E>(VisibleKeys::packed_causal(std::vector<int32_t>{200}), 2, 1, 64, 0, seed);
    problem.scale = 4;
    for (size_t i = 0; i < problem.k.size(); ++i) {
      problem.k[i] = rounded_to<E>(problem.k[i] * static_cast<double>(i) / static_cast<double>(problem.k.size()));
    }
    const ForwardResult found = run_forward<E, 64, false>(problem, Layout::contiguous, {.seed = seed});
    const AttentionValues exact = exact_attention(problem, false);
    const std::string where = "seed " + std::to_string(seed);
    tally.add(where, found.o, plain_attention<E>(problem, false).o, exact.o);
    expect_lse_near(where, found.lse, exact.lse);
  }
  tally.expect_within_bounds("o");
}
TEST(AttentionForward, LargeScores) {
  expect_exact_with_large_scores<Bf16>();
  expect_exact_with_large_scores<Fp16>();
}

}  // namespace
}  // namespace dermis::testing
