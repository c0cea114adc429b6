// AdamW over the trainable parameters of a model, with a learning rate for each part. Moments are fp32; weights in bf16
// are rounded by chance, so that steps far smaller than their last place add up.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "models/vlm.h"

namespace dermis {

struct PartOptions {
  bool trainable = true;
  double lr_scale = 1.0;  // times the schedule's learning rate
};

struct OptimizerOptions {
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double weight_decay = 0.0;           // not on norms and biases (tensors of one dimension)
  uint64_t seed = 1;                   // of the chance that rounds weights in bf16
  std::array<PartOptions, 3> parts{};  // indexed by Part
};

class Optimizer {
 public:
  // Freezes what the options freeze (Vlm::set_trainable) and keeps moments only for the rest.
  // Error(usage) when nothing is left to train.
  Optimizer(Vlm& model, const OptimizerOptions& options);

  // L2 norm of all gradients. A parameter that the step did not touch counts as zero.
  double gradient_norm() const;
  // One update with the gradients times gradient_scale; then releases them, so that they are not held during the next
  // forward pass.
  void step(double lr, double gradient_scale);
  void release_gradients();

  int64_t steps() const { return steps_; }
  void set_steps(int64_t steps) { steps_ = steps; }
  // "first_moment/<parameter>", "second_moment/<parameter>": the tensors themselves, for checkpoints.
  std::vector<std::pair<std::string, at::Tensor>> state() const;
  int64_t trainable_parameters() const;

 private:
  struct Slot {
    Parameter parameter;
    at::Tensor first_moment, second_moment;
    double lr_scale, weight_decay;
    uint64_t index;  // among all parameters of the model, frozen ones too
  };
  OptimizerOptions options_;
  std::vector<Slot> slots_;
  int64_t steps_ = 0;
};

}  // namespace dermis
