// A small model whose head sizes the GPU's kernels take, and what a training step makes of it.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "kernels/linear_ce/linear_ce.h"
#include "models/placement.h"
#include "tests/models/small_model.h"

namespace dermis::testing {

// Head sizes that the GPU's kernels take, everything else as small as may be.
inline VlmConfig kernel_model_config() {
  VlmConfig config = small_config();
  config.vision = {.image_size = 8, .patch_size = 4, .hidden = 64, .mlp = 72, .layers = 1, .heads = 1};
  config.language.hidden = 40;
  config.language.layers = 2;
  config.language.heads = 2;
  config.language.kv_heads = 1;
  config.language.head_size = 64;
  return config;
}

// Weights that bf16 holds exactly; the same for every placement.
inline Vlm kernel_model(const Placement& placement) {
  Vlm model(kernel_model_config(), 3, placement);
  at::NoGradGuard no_grad;
  for (const Parameter& parameter : model.parameters()) {
    parameter.tensor.copy_(parameter.tensor.to(at::kBFloat16));
  }
  return model;
}

struct Outcome {
  double loss = 0;
  std::vector<std::pair<std::string, at::Tensor>> gradients;
};

inline Outcome outcome_of(const Placement& placement, const Batch& batch) {
  const Vlm model = kernel_model(placement);
  const at::Tensor loss = linear_cross_entropy(model.hidden_at_labels(batch), model.head_weight(), batch.label_ids,
                                               batch.label_weights, {.divisor = 9});
  loss.backward();
  Outcome outcome{loss.item<double>(), {}};
  for (const Parameter& parameter : model.parameters())
    outcome.gradients.emplace_back(parameter.name, parameter.tensor.grad().to(at::kCPU, at::kDouble, false, true));
  return outcome;
}

inline double rms(const at::Tensor& x) { return x.square().mean().sqrt().item<double>(); }

// Loss within `tolerance`, gradients within it in root mean square relative to their own, or to a hundredth of the
// largest: that of the keys' bias is zero but for rounding, since a softmax does not see what all scores share.
inline void expect_near(const Outcome& found, const Outcome& exact, double tolerance) {
  EXPECT_NEAR(found.loss, exact.loss, tolerance * exact.loss);
  ASSERT_EQ(found.gradients.size(), exact.gradients.size());
  double largest = 0;
  for (const auto& [name, gradient] : exact.gradients) largest = std::max(largest, rms(gradient));
  for (size_t i = 0; i < exact.gradients.size(); ++i) {
    const auto& [name, gradient] = exact.gradients[i];
    EXPECT_LE(rms(found.gradients[i].second - gradient), tolerance * std::max(rms(gradient), largest / 100)) << name;
  }
}

}  // namespace dermis::testing
