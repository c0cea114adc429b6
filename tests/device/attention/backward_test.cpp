// The backward kernels under emulation against fp64, every instantiation on every kind of mask.
#include "tests/device/attention/attention_masks.h"
#include "tests/device/attention/backward_case.h"

namespace dermis::testing {
namespace {

struct Heads {
  int64_t H, G;
};
constexpr Heads kHeads[] = {{1, 1}, {2, 1}, {3, 1}, {8, 1}, {4, 2}};
constexpr Layout kLayouts[] = {Layout::contiguous, Layout::sliced, Layout::head_major};

// To spare for one small problem: a row that sees one key gives it no gradient, where two sums of D products cancel up
// to the order of their terms, and a plain computation of a few numbers may be lucky.
template <class E>
double spare(const std::vector<double>& exact) {
  double largest = 0;
  for (const double x : exact) largest = std::max(largest, std::abs(x));
  return 2e-5 + rounding_unit<E>() * largest;
}

// Beside the masks of the forward pass: keys that nobody sees, no keys, no rows, tiles that need no mask.
std::vector<Mask> backward_masks(uint64_t seed) {
  std::vector<Mask> masks = small_masks(seed);
  const auto constant = [](int32_t rows, int32_t begin, int32_t end, int32_t keys) {
    const auto count = static_cast<size_t>(rows);
    return VisibleKeys(std::vector<int32_t>(count, begin), std::vector<int32_t>(count, end), keys);
  };
  masks.push_back({"keys that nobody sees", constant(3, 70, 80, 140)});
  masks.push_back({"no keys", constant(5, 0, 0, 0)});
  masks.push_back({"no rows", constant(0, 0, 0, 7)});
  masks.push_back({"full 130 x 150", constant(130, 0, 150, 150)});
  return masks;
}

template <class E, int D, bool kSoftcap>
void expect_exact() {
  ErrorTally<E> dq, dk, dv;
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    size_t turn = seed;  // each seed pairs masks with other heads and layouts
    for (const Mask& mask : backward_masks(seed)) {
      const Heads heads = kHeads[turn % std::size(kHeads)];
      const Layout layout = kLayouts[turn++ % std::size(kLayouts)];
      const std::string where = mask.name + ", seed " + std::to_string(seed) + ", " + std::to_string(heads.H) + ":" +
                                std::to_string(heads.G) + " heads";
      const AttentionProblem problem = random_problem<E>(mask.visible, heads.H, heads.G, D, kSoftcap ? 3.0 : 0.0, seed);
      const AttentionValues exact = exact_attention(problem, true), plain = plain_attention<E>(problem, true);
      const BackwardResult found = run_backward<E, D, kSoftcap>(problem, exact, problem, layout, seed);
      dq.add(where + ", dq", found.dq, plain.dq, exact.dq, spare<E>(exact.dq));
      dk.add(where + ", dk", found.dk, plain.dk, exact.dk, spare<E>(exact.dk));
      dv.add(where + ", dv", found.dv, plain.dv, exact.dv);
      EXPECT_TRUE(found.exactly_written) << where;
      EXPECT_EQ(found.bank_conflicts, 0u) << where;
    }
  }
  for (const auto& [name, tally] : {std::pair{"dq", &dq}, std::pair{"dk", &dk}, std::pair{"dv", &dv}}) {
    tally->expect_within_bounds(name);
    std::printf("%s: errors by those of the plain computation: largest %.3f, root mean square %.3f\n", name,
                tally->max_ratio(), tally->rms_ratio());
  }
}

TEST(AttentionBackward, Bf16Head64) { expect_exact<Bf16, 64, false>(); }
TEST(AttentionBackward, Bf16Head64Softcap) { expect_exact<Bf16, 64, true>(); }
TEST(AttentionBackward, Bf16Head72) { expect_exact<Bf16, 72, false>(); }
TEST(AttentionBackward, Bf16Head72Softcap) { expect_exact<Bf16, 72, true>(); }
TEST(AttentionBackward, Bf16Head128) { expect_exact<Bf16, 128, false>(); }
TEST(AttentionBackward, Bf16Head128Softcap) { expect_exact<Bf16, 128, true>(); }
TEST(AttentionBackward, Bf16Head256) { expect_exact<Bf16, 256, false>(); }
TEST(AttentionBackward, Bf16Head256Softcap) { expect_exact<Bf16, 256, true>(); }
TEST(AttentionBackward, Fp16Head64) { expect_exact<Fp16, 64, false>(); }
TEST(AttentionBackward, Fp16Head64Softcap) { expect_exact<Fp16, 64, true>(); }
TEST(AttentionBackward, Fp16Head72) { expect_exact<Fp16, 72, false>(); }
TEST(AttentionBackward, Fp16Head72Softcap) { expect_exact<Fp16, 72, true>(); }
TEST(AttentionBackward, Fp16Head128) { expect_exact<Fp16, 128, false>(); }
TEST(AttentionBackward, Fp16Head128Softcap) { expect_exact<Fp16, 128, true>(); }
TEST(AttentionBackward, Fp16Head256) { expect_exact<Fp16, 256, false>(); }
TEST(AttentionBackward, Fp16Head256Softcap) { expect_exact<Fp16, 256, true>(); }

// The same bits whatever order warps and blocks run in.
template <class E, int D>
void expect_equal_bits() {
  const AttentionProblem problem =
      random_problem<E>(VisibleKeys::packed_causal(std::vector<int32_t>{70, 5, 61}), 4, 2, D, 0, 5);
  const AttentionValues exact = exact_attention(problem, true);
  const auto run = [&](uint64_t seed) {
    return run_backward<E, D, false>(problem, exact, problem, Layout::contiguous, seed);
  };
  const BackwardResult first = run(1);
  for (const uint64_t seed : {2, 3}) {
    const BackwardResult again = run(seed);
    EXPECT_EQ(again.dq, first.dq);
    EXPECT_EQ(again.dk, first.dk);
    EXPECT_EQ(again.dv, first.dv);
  }
}
TEST(AttentionBackward, SameBitsOnEverySchedule) {
  expect_equal_bits<Bf16, 64>();
  expect_equal_bits<Fp16, 72>();
  expect_equal_bits<Bf16, 128>();
  expect_equal_bits<Fp16, 256>();
}

}  // namespace
}  // namespace dermis::testing
