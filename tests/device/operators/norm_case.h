// Shapes, layouts and types that the tests of the norms run over.
#pragma once

#include "kernels/machine/team_shape.h"
#include "tests/device/operators/device_matrix.h"

namespace dermis::testing {

struct NormCase {
  int64_t rows;
  int32_t width;
  MatrixLayout layout;
  bool residual;
  uint64_t seed;

  std::string name() const {
    return std::to_string(rows) + " x " + std::to_string(width) + " " + layout.name + (residual ? " + residual" : "") +
           ", seed " + std::to_string(seed);
  }
  int64_t count() const { return rows * width; }
};

inline std::vector<NormCase> norm_cases() {
  std::vector<NormCase> cases;
  uint64_t seed = 1;
  for (const int32_t width : {1, 7, 127, 192, 1152, 4099}) {
    for (const MatrixLayout& layout : kMatrixLayouts) {
      for (const bool residual : {false, true}) {
        cases.push_back({width < 1000 ? 19 : 3, width, layout, residual, seed++ % 3 + 1});
      }
    }
  }
  cases.push_back({0, 192, {}, false, 1});
  cases.push_back({2, 8192, {}, true, 2});   // the widest
  cases.push_back({4, 8185, {}, false, 3});  // of rows that begin anywhere
  cases.push_back({300, 8, {}, true, 1});    // several rows a team, several blocks
  return cases;
}

// Type of weights beside activations of type E: the same, or fp32.
template <class E, class W>
struct NormTypes {
  using Activation = E;
  using Weight = W;
};
using AllNormTypes =
    ::testing::Types<NormTypes<float, float>, NormTypes<Bf16, Bf16>, NormTypes<Bf16, float>, NormTypes<Fp16, Fp16>>;

// x + residual as an fp32 addition rounds it to E; x itself without one.
template <class E>
std::vector<double> rounded_sum(const std::vector<double>& x, const std::vector<double>& residual) {
  std::vector<double> sum = x;
  for (size_t i = 0; i < residual.size(); ++i)
    sum[i] = as_double(from_float<E>(static_cast<float>(x[i]) + static_cast<float>(residual[i])));
  return sum;
}

}  // namespace dermis::testing
