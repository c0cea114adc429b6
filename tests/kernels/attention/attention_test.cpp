#include "kernels/attention/attention.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "core/error.h"
#include "kernels/attention/attention_dense.h"
#include "tests/kernels/attention/attention_cases.h"

namespace dermis {
namespace {

using testing::AttentionCase;
using testing::AttentionInputs;

std::shared_ptr<const VisibleKeys> shared(const VisibleKeys& visible) {
  return std::make_shared<const VisibleKeys>(visible);
}

// o for one query of one dimension over two keys, by hand: weights softmax(q k).
TEST(Attention, TwoKeysByHand) {
  const at::Tensor q = at::full({2, 1, 1}, 2.0), k = at::tensor({0.5, 1.0}).view({2, 1, 1}),
                   v = at::tensor({10.0, 20.0}).view({2, 1, 1});
  const VisibleKeys causal = testing::causal({2});
  const double second = 1 / (1 + std::exp(-1.0));  // scores 1 and 2
  for (const auto dtype : {at::kDouble, at::kFloat}) {
    const AttentionResult result = attention_forward(q.to(dtype), k.to(dtype), v.to(dtype), causal);
    EXPECT_NEAR(result.o_THD[0][0][0].item<double>(), 10.0, 1e-6);
    EXPECT_NEAR(result.o_THD[1][0][0].item<double>(), 10 + 10 * second, 1e-5);
    EXPECT_NEAR(result.lse_HT[0][1].item<double>(), std::log(std::exp(1.0) + std::exp(2.0)), 1e-6);
  }
}

TEST(Attention, AutogradGivesTheReferencesGradients) {
  const AttentionCase c{"autograd", testing::prefix_lm({30, 21}, {12, 21}), 6, 2, 32};
  for (const auto dtype : {at::kFloat, at::kDouble, at::kBFloat16}) {
    AttentionInputs x(c);
    const auto leaf = [&](const at::Tensor& t) { return t.to(dtype).requires_grad_(); };
    const at::Tensor q = leaf(x.q), k = leaf(x.k), v = leaf(x.v), grad_o = x.grad_o.to(dtype);
    const at::Tensor o = attention(q, k, v, shared(c.visible));
    ASSERT_EQ(o.scalar_type(), dtype);
    o.backward(grad_o);
    const AttentionReference exact = attention_reference(q.detach(), k.detach(), v.detach(), c.visible, {}, grad_o);
    const double tolerance = dtype == at::kBFloat16 ? 2e-2 : dtype == at::kFloat ? 1e-5 : 1e-12;
    const auto expect_near = [&](const at::Tensor& found, const at::Tensor& expected, const char* what) {
      EXPECT_LT((found.to(at::kDouble) - expected).abs().max().item<double>(), tolerance) << what << dtype;
    };
    expect_near(o.detach(), exact.o_THD, "o ");
    expect_near(q.grad(), exact.dq_THD, "dq ");
    expect_near(k.grad(), exact.dk_SGD, "dk ");
    expect_near(v.grad(), exact.dv_SGD, "dv ");
  }
}

// Central differences in fp64 along random directions.
TEST(Attention, GradientsAreThoseOfFiniteDifferences) {
  const std::vector<AttentionCase> cases{
      {"prefix", testing::prefix_lm({5, 0, 4}, {2, 0, 4}), 4, 2, 8},
      {"capped", testing::causal({6}).windowed(3), 2, 1, 8, {0.7, 1.5}},
      {"gaps", VisibleKeys({0, 2, 2, 4}, {1, 2, 4, 5}, 6), 2, 2, 8},
      {"cache", testing::after_cache(2, 7), 2, 1, 8},
  };
  for (const AttentionCase& c : cases) {
    const AttentionInputs x(c);
    std::vector<at::Tensor> inputs{x.q.to(at::kDouble), x.k.to(at::kDouble), x.v.to(at::kDouble)};
    for (at::Tensor& input : inputs) input.requires_grad_();
    const at::Tensor grad_o = x.grad_o.to(at::kDouble);
    const auto value = [&](const std::vector<at::Tensor>& in) {
      return (attention(in[0], in[1], in[2], shared(c.visible), c.options) * grad_o).sum();
    };
    value(inputs).backward();
    const at::NoGradGuard no_grad;
    for (size_t i = 0; i < inputs.size(); ++i) {
      for (uint64_t trial = 0; trial < 4; ++trial) {
        const at::Tensor direction = testing::random_tensor(inputs[i].sizes().vec(), 50 + trial).to(at::kDouble);
        const double step = 1e-6;
        std::vector<at::Tensor> above = inputs, below = inputs;
        above[i] = inputs[i] + direction * step;
        below[i] = inputs[i] - direction * step;
        const double slope = (value(above) - value(below)).item<double>() / (2 * step);
        const double expected = (inputs[i].grad() * direction).sum().item<double>();
        EXPECT_NEAR(expected, slope, 1e-6 * (1 + std::abs(slope))) << c.name << ", input " << i;
      }
    }
  }
}

TEST(Attention, DenseStandInAgreesWithTheReference) {
  for (const AttentionCase& c : testing::attention_cases()) {
    if (c.visible.area() * c.heads * c.head_size > 5'000'000) continue;  // fp64 loops take seconds there
    const AttentionInputs x(c);
    const at::Tensor q = x.q.clone().requires_grad_(), k = x.k.clone().requires_grad_(),
                     v = x.v.clone().requires_grad_();
    attention_dense(q, k, v, c.visible, c.options).backward(x.grad_o);
    const AttentionResult result = attention_dense_forward(x.q, x.k, x.v, c.visible, c.options);
    const AttentionReference exact = attention_reference(x.q, x.k, x.v, c.visible, c.options, x.grad_o);
    const auto near = [](const at::Tensor& found, const at::Tensor& expected) {
      return at::allclose(found.to(at::kDouble), expected, 1e-4, 1e-4);
    };
    EXPECT_TRUE(near(result.o_THD, exact.o_THD)) << c.name;
    EXPECT_TRUE(near(result.lse_HT, exact.lse_HT)) << c.name;
    EXPECT_TRUE(near(q.grad(), exact.dq_THD)) << c.name;
    EXPECT_TRUE(near(k.grad(), exact.dk_SGD)) << c.name;
    EXPECT_TRUE(near(v.grad(), exact.dv_SGD)) << c.name;
  }
}

TEST(Attention, NoRowsNoKeys) {
  const at::Tensor none = at::empty({0, 2, 8}), some = at::ones({3, 2, 8});
  EXPECT_EQ(attention_forward(none, some, some, VisibleKeys({}, {}, 3)).o_THD.size(0), 0);
  const AttentionResult blind = attention_forward(some, none, none, VisibleKeys({0, 0, 0}, {0, 0, 0}, 0));
  EXPECT_EQ(blind.o_THD.abs().max().item<float>(), 0.0F);
  EXPECT_EQ(blind.lse_HT.max().item<float>(), -std::numeric_limits<float>::infinity());
}

TEST(Attention, RefusesWhatDoesNotFitNamingEverything) {
  const auto message = [](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const VisibleKeys& visible,
                          const AttentionOptions& options = {}) -> std::string {
    try {
      attention_forward(q, k, v, visible, options);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    return "no error";
  };
  using ::testing::AllOf;
  using ::testing::HasSubstr;
  const at::Tensor q = at::ones({4, 6, 8}), k = at::ones({4, 2, 8});
  const VisibleKeys four = testing::causal({4});
  EXPECT_EQ(message(q, k, k, four), "no error");
  EXPECT_THAT(message(q, at::ones({4, 4, 8}), at::ones({4, 4, 8}), four),
              AllOf(HasSubstr("q [4, 6, 8]"), HasSubstr("k [4, 4, 8]"), HasSubstr("multiple")));
  EXPECT_THAT(message(q, k, at::ones({5, 2, 8}), four), HasSubstr("v [5, 2, 8]"));
  EXPECT_THAT(message(q, at::ones({4, 2, 9}), at::ones({4, 2, 9}), four), HasSubstr("head size"));
  EXPECT_THAT(message(q, k.to(at::kDouble), k, four), AllOf(HasSubstr("Double"), HasSubstr("dtype")));
  EXPECT_THAT(message(q, k, k, testing::causal({5})), HasSubstr("5 rows and 5 keys"));
  EXPECT_THAT(message(at::ones({4, 6}), k, k, four), HasSubstr("three-dimensional"));
  EXPECT_THAT(message(q.to(at::kInt), k.to(at::kInt), k.to(at::kInt), four), HasSubstr("floating-point"));
  EXPECT_THAT(message(q, k, k, four, {std::nan(""), 0}), HasSubstr("out of range"));
}

}  // namespace
}  // namespace dermis
