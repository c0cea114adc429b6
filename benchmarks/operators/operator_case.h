// One row of the benchmark: an operator's pass, ours and its rivals', on the same numbers.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

#include "benchmarks/contest/accuracy.h"
#include "benchmarks/operators/sizes.h"
#include "kernels/cuda/cuda_module.h"

namespace dermis {

using Tensors = std::vector<at::Tensor>;

struct OperatorSetting {
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;
  OperatorSizes sizes = {};
  double footprint = 0;                // bytes that a row's operands take together at least: more than caches hold
  const CudaModule* module = nullptr;  // kernels to call where no operator passes them; null: such rows are left out

  at::TensorOptions options() const { return at::TensorOptions().dtype(dtype).device(device); }
  double element() const { return static_cast<double>(c10::elementSize(dtype)); }
  size_t sets(double bytes) const;  // of operands, when one takes so many bytes
};

struct OperatorContender {
  std::string name;
  // Computes with the operands of that set; calls take the sets in turn, so that none finds its operands in a cache.
  std::function<Tensors(size_t set)> run;
};

struct OperatorCase {
  std::string shape;
  double bytes = 0;  // that must move: inputs read once, outputs written once
  double flops = 0;  // of matrix products, when they and not the bytes bound it; else 0
  size_t sets = 1;
  std::vector<OperatorContender> contenders;  // ours first
  std::function<Tensors()> expected;          // of set 0, in fp32 or more
  std::function<double(const Tensors&, const Tensors&)> error = relative_error;
  double allowed = 0;  // largest error of a right result
};

struct OperatorRow {
  std::string op, pass, dtype;
  std::function<OperatorCase()> make;
};

// What a sound computation in this type stays below, relative to the largest number of its tensor.
double allowed_operator_error(at::ScalarType dtype);
std::string dtype_name(at::ScalarType dtype);  // "bf16"

}  // namespace dermis
