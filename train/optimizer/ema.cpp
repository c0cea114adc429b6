#include "train/optimizer/ema.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace dermis {

WeightAverage::WeightAverage(const Vlm& model, double decay) : decay_(decay) {
  const at::NoGradGuard no_grad;
  for (const Parameter& parameter : model.parameters()) {
    if (!parameter.tensor.requires_grad()) continue;  // frozen: equal to its average
    parameters_.push_back(parameter);
    averages_.push_back(parameter.tensor.detach().to(at::kFloat, /*non_blocking=*/false, /*copy=*/true));
  }
}

void WeightAverage::update() {
  const at::NoGradGuard no_grad;
  const auto n = static_cast<double>(updates_++);
  const double decay = std::min(decay_, (1.0 + n) / (10.0 + n));
  for (size_t i = 0; i < parameters_.size(); ++i) averages_[i].lerp_(parameters_[i].tensor.to(at::kFloat), 1.0 - decay);
}

void WeightAverage::put_in() {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    // Contents, not storages: the model and the optimizer hold these very tensors.
    current_.push_back(parameters_[i].tensor.detach().clone());
    parameters_[i].tensor.copy_(averages_[i]);
  }
}

void WeightAverage::take_out() {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < parameters_.size(); ++i) parameters_[i].tensor.copy_(current_[i]);
  current_.clear();
}

std::vector<std::pair<std::string, at::Tensor>> WeightAverage::state() const {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    tensors.emplace_back("average/" + parameters_[i].name, averages_[i]);
  }
  return tensors;
}

}  // namespace dermis
