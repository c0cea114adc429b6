#include "train/optimizer/optimizer.h"

#include <ATen/ATen.h>

#include "core/error.h"
#include "kernels/adamw/adamw.h"

namespace dermis {

Optimizer::Optimizer(Vlm& model, const OptimizerOptions& options) : options_(options) {
  for (const Part part : {Part::vision, Part::projector, Part::language}) {
    model.set_trainable(part, options.parts[static_cast<size_t>(part)].trainable);
  }
  const std::vector<Parameter> parameters = model.parameters();
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter& parameter = parameters[i];
    const PartOptions& part = options.parts[static_cast<size_t>(parameter.part)];
    if (!part.trainable) continue;
    const auto fp32 = parameter.tensor.options().dtype(at::kFloat);
    slots_.push_back({.parameter = parameter,
                      .first_moment = at::zeros(parameter.tensor.sizes(), fp32),
                      .second_moment = at::zeros(parameter.tensor.sizes(), fp32),
                      .lr_scale = part.lr_scale,
                      .weight_decay = parameter.tensor.dim() > 1 ? options.weight_decay : 0.0,
                      .index = i});
  }
  if (slots_.empty()) {
    throw Error(ErrorKind::usage, {.what = "nothing is left to train",
                                   .where = "vision, projector and language of the stage",
                                   .expected = "at least one part with trainable = true",
                                   .found = "all frozen",
                                   .fix = "set trainable = true for the part to be trained"});
  }
}

double Optimizer::gradient_norm() const {
  std::vector<at::Tensor> gradients;
  for (const Slot& slot : slots_) {
    const at::Tensor& gradient = slot.parameter.tensor.grad();
    if (gradient.defined()) gradients.push_back(gradient.contiguous());
  }
  return dermis::gradient_norm(gradients);
}

void Optimizer::step(double lr, double gradient_scale) {
  ++steps_;
  std::vector<AdamWTensor> tensors;
  for (const Slot& slot : slots_) {
    const at::Tensor& gradient = slot.parameter.tensor.grad();
    if (!gradient.defined()) continue;
    std::optional<RandomStream> rounding;
    if (slot.parameter.tensor.scalar_type() == at::kBFloat16) {
      rounding = random_stream(options_.seed, RandomPurpose::rounding, static_cast<uint64_t>(steps_), slot.index);
    }
    tensors.push_back({.parameter = slot.parameter.tensor,
                       .gradient = gradient.contiguous(),
                       .first_moment = slot.first_moment,
                       .second_moment = slot.second_moment,
                       .settings = {.lr = lr * slot.lr_scale,
                                    .beta1 = options_.beta1,
                                    .beta2 = options_.beta2,
                                    .eps = options_.eps,
                                    .weight_decay = slot.weight_decay,
                                    .gradient_scale = gradient_scale,
                                    .step = steps_},
                       .rounding = rounding});
  }
  adamw_step(tensors);
  release_gradients();
}

void Optimizer::release_gradients() {
  for (const Slot& slot : slots_) slot.parameter.tensor.mutable_grad() = at::Tensor();
}

std::vector<std::pair<std::string, at::Tensor>> Optimizer::state() const {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const Slot& slot : slots_) {
    tensors.emplace_back("first_moment/" + slot.parameter.name, slot.first_moment);
    tensors.emplace_back("second_moment/" + slot.parameter.name, slot.second_moment);
  }
  return tensors;
}

int64_t Optimizer::trainable_parameters() const {
  int64_t count = 0;
  for (const Slot& slot : slots_) count += slot.parameter.tensor.numel();
  return count;
}

}  // namespace dermis
