// Masks of the shapes that bite, small enough to emulate.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "kernels/visible_keys/visible_keys.h"

namespace dermis::testing {

struct Mask {
  std::string name;
  VisibleKeys visible;
};

// Monotone intervals with empty ones among them.
inline VisibleKeys random_intervals(int32_t rows, int32_t keys, uint64_t seed) {
  std::mt19937_64 generator(seed);
  const auto ends = [&] {
    std::vector<int32_t> x(static_cast<size_t>(rows));
    for (int32_t& end : x) end = static_cast<int32_t>(generator() % static_cast<uint64_t>(keys + 1));
    std::sort(x.begin(), x.end());
    return x;
  };
  std::vector<int32_t> lo = ends(), hi = ends();
  for (size_t i = 0; i < lo.size(); ++i) {
    if (lo[i] > hi[i]) std::swap(lo[i], hi[i]);
  }
  return {std::move(lo), std::move(hi), keys};
}

// One mask for every kind there is and every length around a tile.
inline std::vector<Mask> small_masks(uint64_t seed) {
  using Lengths = std::vector<int32_t>;
  const int32_t random = static_cast<int32_t>(seed % 37);
  return {{"one row", VisibleKeys::packed_full(Lengths{1})},
          {"three rows", VisibleKeys::packed_causal(Lengths{3})},
          {"full 64", VisibleKeys::packed_full(Lengths{64})},
          {"causal 113", VisibleKeys::packed_causal(Lengths{113})},
          {"packed with empty sequences", VisibleKeys::packed_causal(Lengths{0, 63, 1, 0, 65, 20 + random, 0})},
          {"prefix-LM", VisibleKeys::packed_prefix_lm(Lengths{65, 40 + random}, Lengths{33, 40 + random})},
          {"window", VisibleKeys::packed_causal(Lengths{100 + random}).windowed(17 + random)},
          {"after a cache", VisibleKeys::packed_cached(Lengths{9, 3}, Lengths{150 + random, 70})},
          {"image blocks", VisibleKeys::packed_blocks(Lengths{90, 30}, Lengths{90, 30},
                                                      std::vector<KeyBlock>{{10, 60}, {70, 75}, {100, 110}}, 20)},
          {"no row sees a key", VisibleKeys(Lengths(5, 7), Lengths(5, 7), 9)},
          {"random intervals", random_intervals(70 + random, 130, seed)}};
}

}  // namespace dermis::testing
