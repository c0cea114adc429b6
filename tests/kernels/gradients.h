// Comparison of an operator, values and gradients, with a reference of the same inputs in fp64.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace dermis::testing {

using TensorList = std::vector<at::Tensor>;
using TensorFunction = std::function<TensorList(const TensorList&)>;

struct Outcome {
  TensorList outputs, gradients;  // gradients of sum(output * direction) in every input
};

// Inputs become leaves of their own in `type`; directions are cast to the outputs' type.
Outcome run_with_gradients(const TensorFunction& op, const TensorList& inputs, const TensorList& directions,
                           at::ScalarType type);

// Largest difference, relative to the largest entry of the reference.
double relative_error(const at::Tensor& found, const at::Tensor& expected);
double rms_error(const at::Tensor& found, const at::Tensor& expected);

// Errors of an operator and of `plain` over the cases of a test, for each output and gradient. When it goes, the
// operator's must be at most 1.1 (root mean square) and 1.5 (largest) times those of `plain`. Cases count alike; in one
// small case a number that all others share, such as the norm of a row, may be lucky in `plain` and decide.
class ErrorRatios {
 public:
  explicit ErrorRatios(double most_rms = 1.1, double most_largest = 1.5);
  ~ErrorRatios();
  ErrorRatios(const ErrorRatios&) = delete;
  ErrorRatios& operator=(const ErrorRatios&) = delete;

  void add(const std::string& tensor, const at::Tensor& found, const at::Tensor& plain, const at::Tensor& expected);

 private:
  struct Errors {
    double squares = 0, largest = 0;  // in units of the expected tensor's root mean square
    void add(const at::Tensor& found, const at::Tensor& expected);
  };
  struct Pair {
    Errors found, plain;
  };
  double most_rms_, most_largest_;
  std::map<std::string, Pair> tensors_;
};

// Runs `op` in fp32 and `reference` in fp64 on the same numbers and random directions. With `plain` (the obvious fp32
// implementation), the root mean square error of each tensor must also stay within 1.5 times that of `plain`, and
// `ratios` collects what the whole test is held to.
void expect_matches_fp64(const TensorFunction& op, const TensorFunction& reference, const TensorList& inputs,
                         double tolerance = 3e-6, const TensorFunction& plain = nullptr, ErrorRatios* ratios = nullptr);

// Central differences of `op` in fp64 against its gradients, entry by entry: keep inputs tiny.
void expect_gradients_by_differences(const TensorFunction& op, const TensorList& inputs);

// Values and gradients must be the same bits for 1 and 2 threads.
void expect_same_for_any_thread_count(const TensorFunction& op, const TensorList& inputs);

at::Tensor random_tensor(at::IntArrayRef sizes, uint64_t seed);  // standard normal, fp64

}  // namespace dermis::testing
