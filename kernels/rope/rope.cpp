#include "kernels/rope/rope.h"

#include <ATen/ATen.h>

#include <cmath>

namespace dermis {

RopeTable rope_table(std::span<const int32_t> positions, int64_t head_size, double base, double linear_factor) {
  const auto rows = static_cast<int64_t>(positions.size());
  const int64_t half = head_size / 2;
  RopeTable table{at::empty({rows, half}, at::kFloat), at::empty({rows, half}, at::kFloat)};
  float* cosines = table.cos_TD2.data_ptr<float>();
  float* sines = table.sin_TD2.data_ptr<float>();
  std::vector<double> frequency(static_cast<size_t>(half));
  for (int64_t i = 0; i < half; ++i)
    frequency[i] = std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(head_size)) / linear_factor;
  for (int64_t t = 0; t < rows; ++t) {
    for (int64_t i = 0; i < half; ++i) {
      const double angle = positions[t] * frequency[i];
      cosines[t * half + i] = static_cast<float>(std::cos(angle));
      sines[t * half + i] = static_cast<float>(std::sin(angle));
    }
  }
  return table;
}

at::Tensor rope(const at::Tensor& x_THD, const RopeTable& table) {
  const auto wide = x_THD.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const int64_t half = x_THD.size(-1) / 2;
  const at::Tensor cos_T1D2 = table.cos_TD2.to(x_THD.device(), wide).unsqueeze(1);
  const at::Tensor sin_T1D2 = table.sin_TD2.to(x_THD.device(), wide).unsqueeze(1);
  const at::Tensor x1 = x_THD.narrow(-1, 0, half).to(wide), x2 = x_THD.narrow(-1, half, half).to(wide);
  return at::cat({x1 * cos_T1D2 - x2 * sin_T1D2, x2 * cos_T1D2 + x1 * sin_T1D2}, -1).to(x_THD.scalar_type());
}

}  // namespace dermis
