#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "kernels/operand/operand.h"
#include "kernels/rope/rope.h"

namespace dermis {
namespace {

void write_angles(double position, const std::vector<double>& frequencies, float* cosines, float* sines) {
  for (size_t i = 0; i < frequencies.size(); ++i) {
    cosines[i] = static_cast<float>(std::cos(position * frequencies[i]));
    sines[i] = static_cast<float>(std::sin(position * frequencies[i]));
  }
}

void check(int64_t head_size, double base, double linear_factor) {
  if (head_size >= 2 && head_size % 2 == 0 && base > 0 && linear_factor > 0) return;
  throw Error(ErrorKind::usage, {.what = "rope_table: no rotation with these settings",
                                 .expected = "an even head size of at least 2, base > 0, linear factor > 0",
                                 .found = "head size " + std::to_string(head_size) + ", base " + std::to_string(base) +
                                          ", linear factor " + std::to_string(linear_factor),
                                 .fix = "correct head_dim, rope_theta and rope_scaling of the model's config.json"});
}

}  // namespace

RopeTable rope_table(std::span<const int32_t> positions, int64_t head_size, double base, double linear_factor) {
  check(head_size, base, linear_factor);
  const auto rows = static_cast<int64_t>(positions.size());
  const int64_t half = head_size / 2;
  RopeTable table{at::empty({rows, half}, at::kFloat), at::empty({rows, half}, at::kFloat)};
  float* cosines = table.cos_TD2.mutable_data_ptr<float>();
  float* sines = table.sin_TD2.mutable_data_ptr<float>();
  std::vector<double> frequencies(static_cast<size_t>(half));
  for (int64_t i = 0; i < half; ++i)
    frequencies[static_cast<size_t>(i)] =
        std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(head_size)) / linear_factor;
  // Packed sequences repeat their positions: the first row of a position is computed, later ones copy it.
  const int32_t highest = positions.empty() ? 0 : *std::max_element(positions.begin(), positions.end());
  std::vector<int64_t> first_row(highest >= 0 && highest <= 4 * rows ? static_cast<size_t>(highest) + 1 : 0, -1);
  for (int64_t row = 0; row < rows; ++row) {
    const int32_t position = positions[static_cast<size_t>(row)];
    const bool indexed = position >= 0 && static_cast<size_t>(position) < first_row.size();
    const int64_t earlier = indexed ? first_row[static_cast<size_t>(position)] : -1;
    if (earlier >= 0) {
      std::copy_n(cosines + earlier * half, half, cosines + row * half);
      std::copy_n(sines + earlier * half, half, sines + row * half);
      continue;
    }
    if (indexed) first_row[static_cast<size_t>(position)] = row;
    write_angles(position, frequencies, cosines + row * half, sines + row * half);
  }
  return table;
}

}  // namespace dermis
