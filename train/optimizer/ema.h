// An exponential moving average of the weights: what is validated and saved when a recipe asks for it. On small data it
// takes the noise of the last steps out of the model.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "models/vlm.h"

namespace dermis {

class WeightAverage {
 public:
  // Starts at the current weights. The decay in force at update n (from 0) is min(decay, (1 + n) / (10 + n)), so that
  // the average does not drag the random start along.
  WeightAverage(const Vlm& model, double decay);

  void update();
  // Exchanges averaged and current weights in the model; a second call exchanges them back.
  void swap();

  int64_t updates() const { return updates_; }
  void set_updates(int64_t updates) { updates_ = updates; }
  std::vector<std::pair<std::string, at::Tensor>> state() const;  // "average/<parameter>": the tensors themselves

 private:
  double decay_;
  int64_t updates_ = 0;
  std::vector<Parameter> parameters_;
  std::vector<at::Tensor> averages_;
};

// Swaps the average in for the life of the scope; a null average changes nothing.
class AveragedWeights {
 public:
  explicit AveragedWeights(WeightAverage* average) : average_(average) {
    if (average_ != nullptr) average_->swap();
  }
  ~AveragedWeights() {
    if (average_ != nullptr) average_->swap();
  }
  AveragedWeights(const AveragedWeights&) = delete;
  AveragedWeights& operator=(const AveragedWeights&) = delete;

 private:
  WeightAverage* average_;
};

}  // namespace dermis
