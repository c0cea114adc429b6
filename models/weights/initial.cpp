#include "models/weights/initial.h"

#include <algorithm>

#include "core/random.h"

namespace dermis {

void draw_initial(const ParameterSpec& spec, uint64_t seed, std::span<float> values) {
  Random random(seed, RandomPurpose::weights, stable_hash(spec.name));
  switch (spec.init) {
    case InitKind::zeros: std::fill(values.begin(), values.end(), 0.0F); break;
    case InitKind::ones: std::fill(values.begin(), values.end(), 1.0F); break;
    case InitKind::uniform:
      for (float& value : values) value = static_cast<float>(random.uniform(-spec.spread, spec.spread));
      break;
    case InitKind::normal:
      for (float& value : values) value = static_cast<float>(spec.spread * random.normal());
      break;
  }
  if (spec.zero_row >= 0) {
    const auto columns = static_cast<size_t>(spec.shape[1]);
    const auto begin = values.begin() + static_cast<int64_t>(static_cast<size_t>(spec.zero_row) * columns);
    std::fill(begin, begin + static_cast<int64_t>(columns), 0.0F);
  }
}

}  // namespace dermis
