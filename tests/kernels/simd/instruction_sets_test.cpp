// The AVX2 bodies on machines that would choose AVX-512, so that both are tested wherever possible.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/random.h"
#include "kernels/adamw/adamw_blocks.h"
#include "kernels/gated_gelu/gated_gelu_rows.h"
#include "kernels/layer_norm/layer_norm_rows.h"
#include "kernels/linear_ce/linear_ce_rows.h"
#include "kernels/rms_norm/rms_norm_rows.h"
#include "kernels/rope/rope_rows.h"
#include "kernels/simd/cpu_features.h"

namespace dermis {
namespace {

using Floats = std::vector<float>;

#define NEED_AVX512()                              \
  if (instruction_set() != InstructionSet::avx512) \
  GTEST_SKIP() << "skipped: this processor runs kernels for " << name_of(instruction_set()) << " only"

Floats random_floats(int64_t count, uint64_t seed) {
  Random random(seed, RandomPurpose::selftest);
  Floats values;
  for (int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>(random.normal()));
  return values;
}

void expect_near(const Floats& a, const Floats& b, float tolerance) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) ASSERT_NEAR(a[i], b[i], tolerance * (1 + std::abs(b[i]))) << i;
}

constexpr int64_t kRows = 5;

TEST(instruction_sets, norms_agree) {
  NEED_AVX512();
  for (const int64_t width : {5, 8, 16, 37, 192}) {
    const Floats x = random_floats(kRows * width, 1), g = random_floats(kRows * width, 2), w = random_floats(width, 3);
    Floats y[2], dx[2], dw[2], statistic[2], mean[2];
    for (const int wide : {0, 1}) {
      y[wide] = dx[wide] = Floats(x.size());
      statistic[wide] = mean[wide] = Floats(kRows);
      dw[wide] = Floats(static_cast<size_t>(2 * width));
      const RmsNormKernels& rms = wide == 1 ? kRmsNormAvx512 : kRmsNormAvx2;
      rms.forward({x.data(), nullptr, w.data(), nullptr, y[wide].data(), statistic[wide].data(), width, 1e-6F, 1}, 0,
                  kRows);
      rms.backward({x.data(), w.data(), statistic[wide].data(), g.data(), g.data(), dx[wide].data(), width, 1}, 0,
                   kRows, dw[wide].data());
    }
    expect_near(y[0], y[1], 1e-6F);
    expect_near(dx[0], dx[1], 1e-5F);
    expect_near(dw[0], dw[1], 1e-5F);
    for (const int wide : {0, 1}) {
      const LayerNormKernels& layer = wide == 1 ? kLayerNormAvx512 : kLayerNormAvx2;
      layer.forward({x.data(), nullptr, w.data(), g.data(), nullptr, y[wide].data(), mean[wide].data(),
                     statistic[wide].data(), width, 1e-6F},
                    0, kRows);
      layer.backward(
          {x.data(), w.data(), mean[wide].data(), statistic[wide].data(), g.data(), nullptr, dx[wide].data(), width}, 0,
          kRows, dw[wide].data(), dw[wide].data() + width);
    }
    expect_near(y[0], y[1], 1e-5F);
    expect_near(dx[0], dx[1], 1e-4F);
    expect_near(dw[0], dw[1], 1e-4F);
  }
}

TEST(instruction_sets, activations_and_rope_agree) {
  NEED_AVX512();
  for (const int64_t half : {1, 7, 8, 16, 25, 64}) {
    const Floats x = random_floats(kRows * 2 * half, 1), g = random_floats(kRows * half, 2);
    const Floats cosines = random_floats(kRows * half, 3), sines = random_floats(kRows * half, 4);
    for (const auto gated : {&GeluKernels::gelu, &GeluKernels::silu}) {
      Floats y[2], grad[2];
      for (const int wide : {0, 1}) {
        y[wide] = Floats(g.size());
        grad[wide] = Floats(x.size());
        const GatedKernels& kernels = (wide == 1 ? kGeluAvx512 : kGeluAvx2).*gated;
        kernels.forward(x.data(), y[wide].data(), half, 0, kRows);
        kernels.backward(x.data(), g.data(), grad[wide].data(), half, 0, kRows);
      }
      expect_near(y[0], y[1], 1e-6F);
      expect_near(grad[0], grad[1], 1e-6F);
    }
    Floats turned[2];
    for (const int wide : {0, 1}) {
      turned[wide] = Floats(x.size());
      (wide == 1 ? kRopeAvx512 : kRopeAvx2)
          .rotate({x.data(), cosines.data(), sines.data(), turned[wide].data(), 2 * half, 2 * half, 1, half, -1}, 0,
                  kRows);
    }
    expect_near(turned[0], turned[1], 1e-6F);
  }
}

TEST(instruction_sets, cross_entropy_agrees) {
  NEED_AVX512();
  for (const int64_t vocabulary : {1, 9, 64, 5003})
    for (const float softcap : {0.0F, 3.0F}) {
      Floats logits[2];
      double loss[2];
      for (const int wide : {0, 1}) {
        logits[wide] = random_floats(vocabulary, 5);
        loss[wide] = (wide == 1 ? kCrossEntropyAvx512 : kCrossEntropyAvx2)
                         .row({logits[wide].data(), vocabulary, vocabulary / 2, 0.5F, softcap, true});
      }
      EXPECT_NEAR(loss[0], loss[1], 1e-6);
      expect_near(logits[0], logits[1], 1e-6F);
    }
}

TEST(instruction_sets, adamw_agrees_and_the_norm_has_the_same_bits) {
  NEED_AVX512();
  const AdamWFactors factors{.5F, .9F, .1F, .99F, .01F, .999F, 1e-2F, 2.0F, 1e-8F};
  for (const int64_t count : {1, 8, 19, 4096}) {
    const Floats gradient = random_floats(count, 2);
    Floats parameter[2], first[2], second[2];
    for (const int wide : {0, 1}) {
      parameter[wide] = random_floats(count, 1);
      first[wide] = random_floats(count, 3);
      second[wide] = Floats(static_cast<size_t>(count), 0.25F);
      (wide == 1 ? kAdamWAvx512 : kAdamWAvx2)
          .update(parameter[wide].data(), gradient.data(), first[wide].data(), second[wide].data(), count, factors);
    }
    EXPECT_EQ(parameter[0], parameter[1]);
    EXPECT_EQ(second[0], second[1]);
    EXPECT_EQ(kAdamWAvx2.sum_of_squares(gradient.data(), count), kAdamWAvx512.sum_of_squares(gradient.data(), count));
  }
}

}  // namespace
}  // namespace dermis
