#include "benchmarks/operators/differentiable.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <memory>

namespace dermis {
namespace {

using OperandSets = std::shared_ptr<std::vector<Tensors>>;

OperandSets make_sets(const DifferentiableOperator& op, size_t count) {
  at::manual_seed(1);
  auto sets = std::make_shared<std::vector<Tensors>>();
  for (size_t i = 0; i < count; ++i) sets->push_back(op.operands());
  return sets;
}

Tensors in_fp32(const Tensors& operands) {
  Tensors wide;
  for (const at::Tensor& x : operands) wide.push_back(x.is_floating_point() ? x.to(at::kFloat) : x);
  return wide;
}

// What a backward pass begins from.
struct Graph {
  Tensors leaves, outputs;
};
Graph graph_of(const TensorsFunction& function, Tensors operands, size_t leaf_count) {
  Graph graph;
  for (size_t i = 0; i < leaf_count; ++i) graph.leaves.push_back(operands[i] = operands[i].detach().requires_grad_());
  graph.outputs = function(operands);
  return graph;
}
Tensors gradients_of(const Graph& graph, const Tensors& gradients) {
  return torch::autograd::grad(graph.outputs, graph.leaves, gradients, /*retain_graph=*/true);
}

OperatorCase begin_case(const DifferentiableOperator& op, const OperatorSetting& setting, double bytes) {
  OperatorCase result;
  result.shape = op.shape;
  result.bytes = bytes;
  result.sets = setting.sets(bytes);
  result.allowed = allowed_operator_error(setting.dtype);
  return result;
}

OperatorCase forward_case(const DifferentiableOperator& op, const OperatorSetting& setting) {
  OperatorCase result = begin_case(op, setting, op.forward_bytes);
  const OperandSets sets = make_sets(op, result.sets);
  const auto add = [&](const std::string& name, const TensorsFunction& function) {
    result.contenders.push_back({name, [=](size_t set) {
                                   const at::NoGradGuard no_grad;
                                   return function((*sets)[set]);
                                 }});
  };
  add("Dermis", op.ours);
  for (const auto& [name, function] : op.rivals) add(name, function);
  result.expected = [=, exact = op.exact] {
    const at::NoGradGuard no_grad;
    return exact(in_fp32(sets->front()));
  };
  return result;
}

OperatorCase backward_case(const DifferentiableOperator& op, const OperatorSetting& setting) {
  OperatorCase result = begin_case(op, setting, op.backward_bytes);
  const OperandSets sets = make_sets(op, result.sets);
  const auto gradients = std::make_shared<std::vector<Tensors>>();
  for (const Tensors& operands : *sets) {
    const at::NoGradGuard no_grad;
    gradients->emplace_back();
    for (const at::Tensor& output : op.ours(operands)) gradients->back().push_back(at::randn_like(output));
  }
  const auto add = [&](const std::string& name, const TensorsFunction& function) {
    const auto graphs = std::make_shared<std::vector<Graph>>();
    result.contenders.push_back({name, [=, leaves = op.leaves](size_t set) {
                                   // Made at the first call, so that what a library refuses is this contender's.
                                   while (graphs->size() <= set)
                                     graphs->push_back(graph_of(function, (*sets)[graphs->size()], leaves));
                                   return gradients_of((*graphs)[set], (*gradients)[set]);
                                 }});
  };
  if (op.own_backward) {
    result.contenders.push_back(
        {"Dermis", [=, backward = op.own_backward](size_t set) { return backward((*sets)[set], (*gradients)[set]); }});
  } else {
    add("Dermis", op.ours);
  }
  for (const auto& [name, function] : op.rivals) add(name, function);
  result.expected = [=, exact = op.exact, leaves = op.leaves] {
    return gradients_of(graph_of(exact, in_fp32(sets->front()), leaves), in_fp32(gradients->front()));
  };
  return result;
}

}  // namespace

std::vector<OperatorRow> rows_of(const std::string& op, const DifferentiableOperator& description,
                                 const OperatorSetting& setting) {
  const std::string dtype = dtype_name(setting.dtype);
  return {{op, "forward", dtype, [=] { return forward_case(description, setting); }},
          {op, "backward", dtype, [=] { return backward_case(description, setting); }}};
}

}  // namespace dermis
