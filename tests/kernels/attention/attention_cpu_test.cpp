// The vector kernels of every instruction set that this processor has, against fp64 loops.
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "kernels/attention/attention_cpu.h"
#include "kernels/attention/attention_dense.h"
#include "kernels/simd/cpu_features.h"
#include "tests/kernels/attention/attention_cases.h"

namespace dermis {
namespace {

using testing::AttentionCase;
using testing::AttentionInputs;

struct NamedKernels {
  std::string name;
  const AttentionKernels* kernels;
};

std::vector<NamedKernels> kernels_here() {
  std::vector<NamedKernels> result;
  if (instruction_set() != InstructionSet::portable) result.push_back({"avx2", &kAttentionAvx2});
  if (instruction_set() == InstructionSet::avx512) result.push_back({"avx512", &kAttentionAvx512});
  return result;
}

double largest(const at::Tensor& x) { return x.numel() == 0 ? 0 : x.abs().max().item<double>(); }
double rms(const at::Tensor& x) { return x.numel() == 0 ? 0 : std::sqrt(x.square().mean().item<double>()); }

// Errors of several runs together: a single largest error says little.
class Errors {
 public:
  // `unit`: two units in the last place of the largest result of the run.
  void add(const at::Tensor& found, const at::Tensor& plain, const at::Tensor& exact, double unit) {
    ASSERT_EQ(found.sizes(), exact.sizes());
    found_.push_back((found.to(at::kDouble) - exact).flatten());
    plain_.push_back((plain.to(at::kDouble) - exact).flatten());
    unit_ = std::max(unit_, unit);
  }
  // Against fp64 no worse than a plain fp32 computation, which small cases may make exact by luck.
  void expect_as_exact_as_plain(const std::string& what) const {
    const at::Tensor found = at::cat(found_), plain = at::cat(plain_);
    EXPECT_LE(largest(found), 1.5 * largest(plain) + unit_) << what;
    EXPECT_LE(rms(found), 1.1 * rms(plain) + 0.25 * unit_) << what;
  }

 private:
  std::vector<at::Tensor> found_, plain_;
  double unit_ = 0;
};

struct PlainResult {
  at::Tensor o, q, k, v;
};

// ATen's operators in fp32, scores whole: the same mathematics without tiles.
PlainResult plain_fp32(const AttentionCase& c, const AttentionInputs& x) {
  const at::Tensor q = x.q.detach().clone().requires_grad_(), k = x.k.detach().clone().requires_grad_(),
                   v = x.v.detach().clone().requires_grad_();
  AttentionOptions options = c.options;
  const int64_t group = c.heads / c.groups;
  const double scale = options.scale != 0 ? options.scale : 1 / std::sqrt(static_cast<double>(c.head_size));
  at::Tensor scores = at::matmul(q.transpose(0, 1), k.transpose(0, 1).repeat_interleave(group, 0).transpose(1, 2));
  scores = scores * scale;
  if (options.softcap != 0) scores = at::tanh(scores / options.softcap) * options.softcap;
  const at::Tensor mask = dense_mask(c.visible, at::kCPU);
  const at::Tensor seeing = mask.any(1, true);
  const at::Tensor weights =
      scores.masked_fill(mask.logical_not().logical_and(seeing), -std::numeric_limits<double>::infinity()).softmax(-1);
  at::Tensor o = at::matmul(weights, v.transpose(0, 1).repeat_interleave(group, 0));
  o = at::where(seeing, o, at::zeros({}, o.options())).transpose(0, 1);
  o.backward(x.grad_o);
  return {o.detach(), q.grad(), k.grad(), v.grad()};
}

TEST(AttentionCpu, ForwardAndGradientsAgreeWithFp64) {
  const std::vector<NamedKernels> kernels = kernels_here();
  for (const AttentionCase& c : testing::attention_cases()) {
    std::vector<std::array<Errors, 4>> errors(kernels.size());
    const uint64_t seeds = c.visible.area() * c.heads * c.head_size > 1'000'000 ? 1 : 3;
    for (uint64_t seed = 0; seed < seeds; ++seed) {
      const AttentionInputs x(c, 100 * seed);
      const AttentionReference exact = attention_reference(x.q, x.k, x.v, c.visible, c.options, x.grad_o);
      const PlainResult plain = plain_fp32(c, x);
      double unit = 0;
      for (const at::Tensor& result : {exact.o_THD, exact.dq_THD, exact.dk_SGD, exact.dv_SGD}) {
        unit = std::max(unit, 2 * largest(result) * std::numeric_limits<float>::epsilon());
      }
      for (size_t i = 0; i < kernels.size(); ++i) {
        const AttentionKernels& table = *kernels[i].kernels;
        const AttentionForwardResult forward = attention_cpu_forward(table, x.q, x.k, x.v, c.visible, c.options);
        const AttentionGradients gradients =
            attention_cpu_backward(table, x.q, x.k, x.v, c.visible, c.options, forward, x.grad_o);
        errors[i][0].add(forward.o_THD, plain.o, exact.o_THD, unit);
        errors[i][1].add(gradients.q_THD, plain.q, exact.dq_THD, unit);
        errors[i][2].add(gradients.k_SGD, plain.k, exact.dk_SGD, unit);
        errors[i][3].add(gradients.v_SGD, plain.v, exact.dv_SGD, unit);
        const at::Tensor lse = log_sum_exp(forward).to(at::kDouble);
        EXPECT_TRUE(at::allclose(lse, exact.lse_HT, 1e-6, 2e-6)) << c.name << ", " << kernels[i].name << ", lse";
      }
    }
    const std::array<const char*, 4> names{"o", "dq", "dk", "dv"};
    for (size_t i = 0; i < kernels.size(); ++i)
      for (size_t j = 0; j < names.size(); ++j)
        errors[i][j].expect_as_exact_as_plain(c.name + ", " + kernels[i].name + ", " + names[j]);
  }
}

TEST(AttentionCpu, InputsMayBeSlicesOfOneProjection) {
  const AttentionCase c{"slices", testing::prefix_lm({40, 33}, {20, 33}), 6, 2, 32};
  const at::Tensor fused = testing::random_tensor({73, (6 + 2 + 2) * 32 + 5}, 7);
  const auto slice = [&](int64_t first, int64_t heads) {
    return fused.narrow(1, first * 32, heads * 32).unflatten(1, {heads, 32});
  };
  const at::Tensor q = slice(0, 6), k = slice(6, 2), v = slice(8, 2);
  ASSERT_FALSE(q.is_contiguous());
  const at::Tensor grad_o = testing::random_tensor({73, 8, 32}, 8).narrow(1, 1, 6);
  for (const NamedKernels& named : kernels_here()) {
    const auto run = [&](const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& grad_o) {
      const AttentionForwardResult forward = attention_cpu_forward(*named.kernels, q, k, v, c.visible, {});
      const AttentionGradients g = attention_cpu_backward(*named.kernels, q, k, v, c.visible, {}, forward, grad_o);
      return at::cat({forward.o_THD.flatten(), g.q_THD.flatten(), g.k_SGD.flatten(), g.v_SGD.flatten()});
    };
    EXPECT_TRUE(
        at::equal(run(q, k, v, grad_o), run(q.contiguous(), k.contiguous(), v.contiguous(), grad_o.contiguous())))
        << named.name;
  }
}

TEST(AttentionCpu, ResultsDoNotDependOnThreads) {
  const int threads = at::get_num_threads();
  for (const AttentionCase& c : testing::attention_cases()) {
    const AttentionInputs x(c);
    for (const NamedKernels& named : kernels_here()) {
      std::vector<at::Tensor> results;
      for (const int count : {1, 2, 3}) {
        at::set_num_threads(count);
        const AttentionForwardResult forward =
            attention_cpu_forward(*named.kernels, x.q, x.k, x.v, c.visible, c.options);
        const AttentionGradients g =
            attention_cpu_backward(*named.kernels, x.q, x.k, x.v, c.visible, c.options, forward, x.grad_o);
        results.push_back(at::cat({forward.o_THD.flatten(), g.q_THD.flatten(), g.k_SGD.flatten(), g.v_SGD.flatten()}));
      }
      EXPECT_TRUE(at::equal(results[0], results[1])) << c.name << ", " << named.name;
      EXPECT_TRUE(at::equal(results[0], results[2])) << c.name << ", " << named.name;
    }
  }
  at::set_num_threads(threads);
}

TEST(AttentionCpu, WhatNobodySeesDoesNotLeak) {
  const AttentionCase c{"gaps", VisibleKeys({2, 2, 2, 6, 9, 9, 9}, {2, 4, 5, 6, 12, 12, 14}, 20), 2, 1, 16};
  const AttentionInputs clean(c);
  AttentionInputs poisoned(c);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const int64_t key : {0, 1, 5, 6, 7, 8, 14, 15, 19}) {
    poisoned.k[key].fill_(nan);
    poisoned.v[key].fill_(nan);
  }
  for (const int64_t row : {0, 3}) {  // see nothing
    poisoned.q[row].fill_(nan);
    poisoned.grad_o[row].fill_(nan);
  }
  for (const NamedKernels& named : kernels_here()) {
    const auto run = [&](const AttentionInputs& x) {
      const AttentionForwardResult forward = attention_cpu_forward(*named.kernels, x.q, x.k, x.v, c.visible, {});
      const AttentionGradients g =
          attention_cpu_backward(*named.kernels, x.q, x.k, x.v, c.visible, {}, forward, x.grad_o);
      EXPECT_EQ(forward.o_THD[0].abs().max().item<float>(), 0.0F);
      EXPECT_EQ(g.k_SGD[5].abs().max().item<float>(), 0.0F);
      return at::cat({forward.o_THD.flatten(), g.q_THD.flatten(), g.k_SGD.flatten(), g.v_SGD.flatten()});
    };
    EXPECT_TRUE(at::equal(run(clean), run(poisoned))) << named.name;
  }
}

TEST(AttentionCpu, NeighboursInAPackDoNotChangeASequence) {
  const AttentionCase pack{"pack", testing::causal({17, 45, 30}), 4, 2, 32};
  const AttentionCase alone{"alone", testing::causal({45}), 4, 2, 32};
  const AttentionInputs x(pack);
  for (const NamedKernels& named : kernels_here()) {
    const auto whole = attention_cpu_forward(*named.kernels, x.q, x.k, x.v, pack.visible, {}).o_THD;
    const auto part = attention_cpu_forward(*named.kernels, x.q.narrow(0, 17, 45), x.k.narrow(0, 17, 45),
                                            x.v.narrow(0, 17, 45), alone.visible, {})
                          .o_THD;
    EXPECT_TRUE(at::equal(whole.narrow(0, 17, 45), part)) << named.name;
  }
}

TEST(AttentionCpu, LargeScoresNeitherOverflowNorVanish) {
  const AttentionCase c{"large", testing::causal({70}), 2, 1, 64, {20.0, 0}};
  const AttentionInputs x(c);
  const AttentionReference exact = attention_reference(x.q, x.k, x.v, c.visible, c.options);
  for (const NamedKernels& named : kernels_here()) {
    const AttentionForwardResult forward = attention_cpu_forward(*named.kernels, x.q, x.k, x.v, c.visible, c.options);
    // Scores of several hundred carry an absolute fp32 error of about 1e-4, and so do the weights.
    EXPECT_LT(largest(forward.o_THD.to(at::kDouble) - exact.o_THD), 2e-3) << named.name;
  }
}

}  // namespace
}  // namespace dermis
