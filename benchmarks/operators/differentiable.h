// Rows of an operator that autograd differentiates: one description makes the forward and the backward row.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/operators/operator_case.h"

namespace dermis {

using TensorsFunction = std::function<Tensors(const Tensors&)>;

struct DifferentiableOperator {
  std::string shape;
  double forward_bytes = 0, backward_bytes = 0;
  std::function<Tensors()> operands;  // of one set, random
  size_t leaves = 1;                  // operands that take gradients: the first ones
  TensorsFunction ours;
  std::vector<std::pair<std::string, TensorsFunction>> rivals;
  TensorsFunction exact;  // the same function of operands in fp32
  // Where no operator with an autograd function passes our kernel: gradients of the leaves from operands and the
  // outputs' gradients.
  std::function<Tensors(const Tensors& operands, const Tensors& gradients)> own_backward = {};
};

// Rows "forward" (without autograd) and "backward" (alone, of a forward pass made before).
std::vector<OperatorRow> rows_of(const std::string& op, const DifferentiableOperator& description,
                                 const OperatorSetting& setting);

}  // namespace dermis
