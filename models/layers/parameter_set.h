// The tensors of a model, made from its parameter table. Parameters of one group (query, key, value; gate, up) share
// one buffer row by row, so that they are separate leaves under their own names and yet one matrix to multiply with.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "models/vlm.h"
#include "models/weights/parameter_table.h"

namespace dermis {

struct ParameterGroup {
  at::Tensor buffer;               // all rows
  std::vector<at::Tensor> leaves;  // consecutive slices of it

  // Leaves [begin, end) as one tensor, without a copy; its gradient is handed to the leaves slice by slice.
  at::Tensor joined(size_t begin, size_t end) const;
  at::Tensor all() const { return joined(0, leaves.size()); }
};

class ParameterSet {
 public:
  ParameterSet(const std::vector<ParameterSpec>& table, const Placement& placement);  // zeros

  const at::Tensor& at(const std::string& name) const;
  const ParameterGroup& group(const std::string& name) const;
  const std::vector<Parameter>& all() const { return parameters_; }
  void set_trainable(Part part, bool trainable);

 private:
  std::vector<Parameter> parameters_;
  std::map<std::string, size_t> index_;
  std::map<std::string, ParameterGroup> groups_;
};

}  // namespace dermis
