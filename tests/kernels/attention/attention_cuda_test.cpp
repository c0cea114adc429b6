// The CUDA path of attention() from tensors to kernels and back, on the emulated GPU, and what it refuses.
#include "kernels/attention/attention_cuda.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "core/error.h"
#include "tests/kernels/attention/attention_cases.h"
#include "tests/kernels/attention/emulated_attention.h"
#include "tests/support/error_of.h"

namespace dermis {
namespace {

using testing::usage_error;

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::shared_ptr<const VisibleKeys> shared(const VisibleKeys& visible) {
  return std::make_shared<const VisibleKeys>(visible);
}

double rms(const at::Tensor& x) { return x.to(at::kDouble).square().mean().sqrt().item<double>(); }

// o and gradients within the rounding of bf16: a relative root mean square of 2^-7.
void expect_near(const at::Tensor& found, const at::Tensor& expected, const std::string& what) {
  ASSERT_EQ(found.sizes(), expected.sizes()) << what;
  const double scale = rms(expected);
  EXPECT_LE(rms(found.to(at::kDouble) - expected), scale / 128 + 1e-12) << what;
}

// q, k and v as slices of one projection, as models have them.
TEST(AttentionCuda, ForwardAndGradientsFromSlicesOfOneProjection) {
  const testing::EmulatedGpu gpu(testing::emulated_attention_entries<64>());
  const std::vector<KeyBlock> image{{3, 40}};
  const std::vector<int32_t> lengths{45, 0, 1, 70}, rows{1, 1}, keys{33, 90};
  const std::vector<testing::AttentionCase> cases{
      {"prefix-lm", testing::prefix_lm(lengths, {20, 0, 1, 66}), 4, 2, 64},
      {"image block in a window", VisibleKeys::packed_blocks(lengths, lengths, image, 9), 2, 2, 64},
      {"soft-cap", testing::causal({50}), 3, 1, 64, {0, 4.0}},
      {"own scale", testing::full({17}), 1, 1, 64, {0.3, 0}},
      {"after a cache", VisibleKeys::packed_cached(rows, keys), 4, 1, 64},
      {"rows that see nothing", VisibleKeys({2, 2, 2, 6}, {2, 4, 5, 6}, 9), 2, 1, 64},
  };
  for (const testing::AttentionCase& c : cases) {
    const int64_t T = c.visible.row_count(), S = c.visible.key_count(), H = c.heads, G = c.groups;
    const at::Tensor projection =
        testing::random_tensor({std::max(T, S), H + 2 * G, c.head_size}, 7).to(at::kBFloat16).requires_grad_();
    const at::Tensor grad_o = testing::random_tensor({T, H, c.head_size}, 8).to(at::kBFloat16);
    const at::Tensor q = projection.narrow(0, 0, T).narrow(1, 0, H), k = projection.narrow(0, 0, S).narrow(1, H, G),
                     v = projection.narrow(0, 0, S).narrow(1, H + G, G);
    const at::Tensor o = attention(q, k, v, shared(c.visible), c.options);
    ASSERT_EQ(o.scalar_type(), at::kBFloat16);
    o.backward(grad_o);
    const AttentionReference exact =
        attention_reference(q.detach(), k.detach(), v.detach(), c.visible, c.options, grad_o);
    at::Tensor grad = at::zeros(projection.sizes(), at::kDouble);
    grad.narrow(0, 0, T).narrow(1, 0, H).add_(exact.dq_THD);
    grad.narrow(0, 0, S).narrow(1, H, G).add_(exact.dk_SGD);
    grad.narrow(0, 0, S).narrow(1, H + G, G).add_(exact.dv_SGD);
    expect_near(o.detach(), exact.o_THD, c.name + ": o");
    expect_near(projection.grad(), grad, c.name + ": gradient");
    const at::NoGradGuard no_grad;
    const AttentionResult result = attention_forward(q, k, v, c.visible, c.options);
    if (rows_share_no_key(c.visible)) {
      expect_near(result.o_THD, exact.o_THD, c.name + ": the decode kernel");
    } else {
      EXPECT_TRUE(at::equal(result.o_THD, o)) << c.name << ": with and without autograd";
    }
    EXPECT_TRUE(at::allclose(result.lse_HT.to(at::kDouble), exact.lse_HT, 1e-4, 1e-4)) << c.name;
  }
}

TEST(AttentionCuda, GradientsThatAutogradExpandsOrSlices) {
  const testing::EmulatedGpu gpu(testing::emulated_attention_entries<64>());
  const VisibleKeys visible = testing::causal({20});
  const auto leaf = [](uint64_t seed) {
    return testing::random_tensor({20, 1, 64}, seed).to(at::kBFloat16).requires_grad_();
  };
  const at::Tensor q = leaf(1), k = leaf(2), v = leaf(3);
  attention(q, k, v, shared(visible)).sum().backward();  // an expanded one
  const AttentionReference exact =
      attention_reference(q.detach(), k.detach(), v.detach(), visible, {}, at::ones({20, 1, 64}));
  expect_near(v.grad(), exact.dv_SGD, "expanded");
}

TEST(AttentionCuda, NoRowsNoKeys) {
  const testing::EmulatedGpu gpu(testing::emulated_attention_entries<64>());
  const at::Tensor none = at::empty({0, 2, 64}, at::kBFloat16), some = at::ones({3, 2, 64}, at::kBFloat16);
  EXPECT_EQ(attention_forward(none, some, some, VisibleKeys({}, {}, 3)).o_THD.size(0), 0);
  const AttentionResult blind = attention_forward(some, none, none, VisibleKeys({0, 0, 0}, {0, 0, 0}, 0));
  EXPECT_EQ(blind.o_THD.abs().max().item<float>(), 0.0F);
  EXPECT_EQ(blind.lse_HT.max().item<float>(), -std::numeric_limits<float>::infinity());
}

// A decoding step: one row a sequence against a cache in which every sequence has a slot of its own.
TEST(AttentionCuda, RowsThatShareNoKeyGoToTheDecodeKernel) {
  const VisibleKeys step({0, 700, 760, 800}, {690, 737, 760, 801}, 820);
  ASSERT_TRUE(rows_share_no_key(step));
  EXPECT_FALSE(rows_share_no_key(testing::causal({2})));
  static int decodes;
  decodes = 0;
  DermisCudaEntries entries = testing::emulated_attention_entries<64>();
  entries.attention_forward = nullptr;
  static decltype(entries.attention_decode) decode;
  decode = entries.attention_decode;
  entries.attention_decode = [](ElementType type, int head_size, const AttentionDecodeParams<void>& p, void* stream) {
    ++decodes;
    EXPECT_GT(p.splits, 1);
    return decode(type, head_size, p, stream);
  };
  const testing::EmulatedGpu gpu(entries);
  const at::Tensor q = testing::random_tensor({4, 4, 64}, 1).to(at::kBFloat16);
  const at::Tensor cache = testing::random_tensor({820, 4, 64}, 2).to(at::kBFloat16);  // keys and values side by side
  const at::Tensor k = cache.narrow(1, 0, 2), v = cache.narrow(1, 2, 2);
  for (const double softcap : {0.0, 3.0}) {
    const AttentionOptions options{.scale = 0, .softcap = softcap};
    const AttentionReference exact = attention_reference(q, k, v, step, options);
    const AttentionResult found = attention_forward(q, k, v, step, options);
    expect_near(found.o_THD, exact.o_THD, "o");
    EXPECT_TRUE(at::allclose(found.lse_HT.to(at::kDouble), exact.lse_HT, 1e-4, 1e-4));
  }
  EXPECT_EQ(decodes, 2);
}

TEST(AttentionCuda, TicketsOfDecodingAreKeptAndGrow) {
  const testing::EmulatedGpu gpu(testing::emulated_attention_entries<64>());
  const at::Tensor many_q = testing::random_tensor({1100, 2, 64}, 3).to(at::kBFloat16);
  const at::Tensor many = testing::random_tensor({1100, 2, 64}, 4).to(at::kBFloat16);
  std::vector<int32_t> lo(1100), hi(1100);
  std::iota(lo.begin(), lo.end(), 0);
  std::iota(hi.begin(), hi.end(), 1);
  for (const int64_t rows : {3, 1100, 5}) {
    const auto first = [&](auto all) { return std::vector<int32_t>(all.begin(), all.begin() + rows); };
    const at::Tensor kv = many.narrow(0, 0, rows);
    const auto found = attention_forward(many_q.narrow(0, 0, rows), kv, kv, VisibleKeys(first(lo), first(hi), rows));
    EXPECT_TRUE(at::equal(found.o_THD, kv)) << rows;  // each row sees one key
  }
}

TEST(AttentionCuda, IntervalsAreUploadedOnceAndShared) {
  const VisibleKeys visible = testing::causal({300});
  const auto forward = device_intervals(visible, at::kCPU, 64, 2, false);
  const auto both = device_intervals(visible, at::kCPU, 64, 2, true);
  EXPECT_EQ(forward, device_intervals(visible, at::kCPU, 64, 2, false));
  EXPECT_EQ(both, device_intervals(VisibleKeys(visible), at::kCPU, 64, 2, true)) << "copies share";
  EXPECT_NE(both, device_intervals(visible, at::kCPU, 72, 2, true)) << "tiles of another height";
  EXPECT_EQ(forward->visible.seen_from, nullptr);
  EXPECT_EQ(forward->key_tile_order, nullptr);
  const VisibleKeys seen = visible.transposed();
  for (size_t i = 0; i < 300; ++i) {
    ASSERT_EQ(both->visible.lo[i], visible.lo()[i]);
    ASSERT_EQ(both->visible.hi[i], visible.hi()[i]);
    ASSERT_EQ(both->visible.seen_from[i], seen.lo()[i]);
    ASSERT_EQ(both->visible.seen_to[i], seen.hi()[i]);
  }
  // Causal: later rows see more keys, earlier keys are seen by more rows.
  const auto tiles = static_cast<int>(ceil_div(2 * 300, ForwardConfig<64>::kRows));
  EXPECT_EQ(both->tile_order[0], tiles - 1);
  EXPECT_EQ(both->tile_order[tiles - 1], 0);
  EXPECT_EQ(both->key_tile_order[0], 0);
}

TEST(AttentionCuda, ParametersAreAddressesAndStrides) {
  const at::Tensor joined = at::zeros({10, 6, 64}, at::kHalf);
  const at::Tensor q = joined.narrow(1, 0, 4), k = joined.narrow(1, 4, 1), v = joined.narrow(1, 5, 1);
  const VisibleKeys visible = testing::causal({10});
  const auto intervals = device_intervals(visible, at::kCPU, 64, 4, false);
  const AttentionResult result{at::zeros({10, 4, 64}, at::kHalf), at::zeros({4, 10}, at::kFloat)};
  const auto p = attention_forward_params(q, k, v, result, *intervals, {.scale = 0, .softcap = 30});
  EXPECT_EQ(p.q.data, joined.data_ptr());
  EXPECT_EQ(p.v.data, static_cast<at::Half*>(joined.data_ptr()) + 5 * 64);
  EXPECT_THAT((std::vector<int64_t>{p.q.token_stride, p.q.head_stride, p.o.token_stride, p.o.head_stride}),
              ElementsAre(6 * 64, 64, 4 * 64, 64));
  EXPECT_THAT((std::vector<int32_t>{p.T, p.S, p.H, p.G}), ElementsAre(10, 10, 4, 1));
  EXPECT_EQ(p.lse, result.lse_HT.data_ptr<float>());
  EXPECT_EQ(p.scale, 0.125F);
  EXPECT_EQ(p.softcap, 30.0F);
  EXPECT_EQ(p.visible.hi, intervals->visible.hi);
}

TEST(AttentionCuda, RefusesWhatTheKernelsDoNotTake) {
  const auto check = [](const at::Tensor& q, const at::Tensor& k, const AttentionOptions& options = {}) {
    return usage_error([&] { check_cuda_attention(q, k, k, options); });
  };
  // No memory behind them: only shapes count.
  const auto shaped = [](std::vector<int64_t> sizes) {
    return at::empty(sizes, at::TensorOptions().dtype(at::kBFloat16).device(at::kMeta));
  };
  const at::Tensor q = at::zeros({4, 2, 64}, at::kBFloat16);
  EXPECT_EQ(check(q, q), "no error");
  EXPECT_THAT(check(shaped({4, 2, 80}), shaped({4, 2, 80})),
              AllOf(HasSubstr("64, 72, 128, 256"), HasSubstr("found: 80"), HasSubstr("[4, 2, 80]")));
  EXPECT_THAT(check(q, q, {-1, 0}), HasSubstr("positive"));
  EXPECT_THAT(check(shaped({100'000'000, 32, 64}), q), AllOf(HasSubstr("2147483391"), HasSubstr("3200000000")));
  const at::Tensor wide = at::zeros({4, 2, 68}, at::kBFloat16);
  EXPECT_THAT(check(wide.narrow(2, 0, 64), q), AllOf(HasSubstr("multiples of 16 bytes"), HasSubstr("q at")));
  EXPECT_THAT(check(q, wide.narrow(2, 4, 64)), HasSubstr("k at"));
  // One token, one head: their strides are never used.
  EXPECT_EQ(check(wide.narrow(0, 0, 1).narrow(1, 0, 1).narrow(2, 0, 64), q), "no error");
}

TEST(AttentionCuda, UnsupportedHeadSizesAreRefusedByTheOperatorItself) {
  const testing::EmulatedGpu gpu(testing::emulated_attention_entries<64>());
  const at::Tensor x = at::zeros({4, 1, 32}, at::kBFloat16);
  EXPECT_THAT(usage_error([&] { attention_forward(x, x, x, testing::causal({4})); }), HasSubstr("64, 72, 128, 256"));
  // The launcher here has one head size alone: what CUDA would answer reaches the user.
  const at::Tensor y = at::zeros({4, 1, 128}, at::kBFloat16);
  try {
    attention_forward(y, y, y, testing::causal({4}));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::device);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("invalid argument"), HasSubstr("[4, 1, 128]")));
  }
}

}  // namespace
}  // namespace dermis
