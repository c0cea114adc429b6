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
  // The averages into the model, and the current weights back.
  void put_in();
  void take_out();

  int64_t updates() const { return updates_; }
  void set_updates(int64_t updates) { updates_ = updates; }
  std::vector<std::pair<std::string, at::Tensor>> state() const;  // "average/<parameter>": the tensors themselves

 private:
  double decay_;
  int64_t updates_ = 0;
  std::vector<Parameter> parameters_;
  std::vector<at::Tensor> averages_;  // fp32: a small share of a step is lost in bf16
  std::vector<at::Tensor> current_;   // while the averages are in
};

// Puts the average in for the life of the scope; a null average changes nothing.
class AveragedWeights {
 public:
  explicit AveragedWeights(WeightAverage* average) : average_(average) {
    if (average_ != nullptr) average_->put_in();
  }
  ~AveragedWeights() {
    if (average_ != nullptr) average_->take_out();
  }
  AveragedWeights(const AveragedWeights&) = delete;
  AveragedWeights& operator=(const AveragedWeights&) = delete;

 private:
  WeightAverage* average_;
};

}  // namespace dermis
