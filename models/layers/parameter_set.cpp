#include "models/layers/parameter_set.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "core/error.h"

namespace dermis {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Leaves that lie one behind the other seen as the one tensor they are. The backward's slices are contiguous rows of
// the joined gradient, so the leaves take them over without a copy.
class JoinRows : public torch::autograd::Function<JoinRows> {
 public:
  static at::Tensor forward(AutogradContext* context, at::TensorList leaves, const at::Tensor& whole) {
    std::vector<int64_t> rows;
    for (const at::Tensor& leaf : leaves) rows.push_back(leaf.size(0));
    context->saved_data["rows"] = rows;
    return whole.detach();
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const at::Tensor gradient = gradients[0].contiguous();
    const std::vector<int64_t> rows = context->saved_data["rows"].toIntVector();
    variable_list slices;
    int64_t begin = 0;
    for (size_t i = 0; i < rows.size(); ++i) {
      slices.push_back(context->needs_input_grad(i) ? gradient.narrow(0, begin, rows[i]) : at::Tensor());
      begin += rows[i];
    }
    slices.emplace_back();
    return slices;
  }
};

}  // namespace

at::Tensor ParameterGroup::joined(size_t begin, size_t end) const {
  if (end - begin == 1) return leaves[begin];
  int64_t offset = 0, rows = 0;
  bool trainable = false;
  for (size_t i = 0; i < end; ++i) {
    (i < begin ? offset : rows) += leaves[i].size(0);
    trainable = trainable || (i >= begin && leaves[i].requires_grad());
  }
  const at::Tensor slice = buffer.narrow(0, offset, rows);
  if (!trainable || !at::GradMode::is_enabled()) return slice;
  return JoinRows::apply(at::TensorList(leaves).slice(begin, end - begin), slice);
}

ParameterSet::ParameterSet(const std::vector<ParameterSpec>& table, const Placement& placement) {
  at::NoGradGuard no_grad;
  const auto options = at::TensorOptions().dtype(placement.weights).device(placement.device);
  for (size_t begin = 0; begin < table.size();) {
    size_t end = begin + 1;
    std::vector<int64_t> shape = table[begin].shape;
    while (!table[begin].group.empty() && end < table.size() && table[end].group == table[begin].group)
      shape[0] += table[end++].shape[0];
    const at::Tensor buffer = at::zeros(shape, options);
    int64_t row = 0;
    for (size_t i = begin; i < end; ++i) {
      const int64_t rows = table[i].shape[0];
      const at::Tensor leaf = buffer.narrow(0, row, rows).detach();
      row += rows;
      index_[table[i].name] = parameters_.size();
      parameters_.push_back({table[i].name, leaf, table[i].part});
      if (!table[i].group.empty()) groups_[table[i].group].leaves.push_back(leaf);
    }
    if (!table[begin].group.empty()) groups_[table[begin].group].buffer = buffer;
    begin = end;
  }
}

const at::Tensor& ParameterSet::at(const std::string& name) const {
  const auto found = index_.find(name);
  DERMIS_CHECK(found != index_.end(), name);
  return parameters_[found->second].tensor;
}

const ParameterGroup& ParameterSet::group(const std::string& name) const {
  const auto found = groups_.find(name);
  DERMIS_CHECK(found != groups_.end(), name);
  return found->second;
}

void ParameterSet::set_trainable(Part part, bool trainable) {
  for (Parameter& parameter : parameters_) {
    if (parameter.part == part) parameter.tensor.set_requires_grad(trainable);
  }
}

}  // namespace dermis
