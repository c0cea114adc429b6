#include "models/weights/initial.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/random.h"

namespace dermis {
namespace {

// A quarter of the columns each for sine and cosine of the grid's column and of its row, at falling frequencies.
void fill_grid(const ParameterSpec& spec, std::span<float> values) {
  constexpr double kLongestPeriod = 10000;
  const int64_t places = spec.shape[0], width = spec.shape[1];
  const int64_t side = std::llround(std::sqrt(static_cast<double>(places))), quarter = width / 4;
  std::fill(values.begin(), values.end(), 0.0F);
  for (int64_t place = 0; place < places; ++place) {
    float* row = values.data() + place * width;
    for (int64_t i = 0; i < quarter; ++i) {
      const double frequency = std::pow(kLongestPeriod, -static_cast<double>(i) / static_cast<double>(quarter));
      const double x = static_cast<double>(place % side) * frequency, y = static_cast<double>(place / side) * frequency;
      row[i] = static_cast<float>(spec.spread * std::sin(x));
      row[quarter + i] = static_cast<float>(spec.spread * std::cos(x));
      row[2 * quarter + i] = static_cast<float>(spec.spread * std::sin(y));
      row[3 * quarter + i] = static_cast<float>(spec.spread * std::cos(y));
    }
  }
}

// What the tensor of this name is drawn as, given the kind and spread of `spec`.
void draw_named(const std::string& name, const ParameterSpec& spec, uint64_t seed, std::span<float> values) {
  Random random(seed, RandomPurpose::weights, stable_hash(name));
  switch (spec.init) {
    case InitKind::zeros: std::fill(values.begin(), values.end(), 0.0F); break;
    case InitKind::ones: std::fill(values.begin(), values.end(), 1.0F); break;
    case InitKind::uniform:
      for (float& value : values) value = static_cast<float>(random.uniform(-spec.spread, spec.spread));
      break;
    case InitKind::normal:
      for (float& value : values) value = static_cast<float>(spec.spread * random.normal());
      break;
    case InitKind::grid: fill_grid(spec, values); break;
  }
}

void mix_in_other(const ParameterSpec& spec, uint64_t seed, std::span<float> values) {
  std::vector<float> other(values.size());
  draw_named(spec.like.name, spec, seed, other);
  const auto columns = static_cast<size_t>(spec.shape[1]);
  const double own = std::sqrt(1 - spec.like.share * spec.like.share);
  for (size_t i = 0; i < values.size(); ++i) {
    const size_t from = spec.like.transposed ? i % columns * columns + i / columns : i;
    values[i] = static_cast<float>(spec.like.share * other[from] + own * values[i]);
  }
}

}  // namespace

void draw_initial(const ParameterSpec& spec, uint64_t seed, std::span<float> values) {
  draw_named(spec.name, spec, seed, values);
  if (!spec.like.name.empty()) mix_in_other(spec, seed, values);
  if (spec.zero_row >= 0) {
    const auto columns = static_cast<size_t>(spec.shape[1]);
    const auto begin = values.begin() + static_cast<int64_t>(static_cast<size_t>(spec.zero_row) * columns);
    std::fill(begin, begin + static_cast<int64_t>(columns), 0.0F);
  }
}

}  // namespace dermis
