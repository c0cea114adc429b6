// How the strips that a warp of a backward kernel owns come from global memory and go there: its rows of the operands
// stay in registers as fragments for the whole kernel, and so do the sums of its gradients.
#pragma once

#include "kernels/attention/device/strips.h"

namespace dermis {

// Fragments of one strip. `source(row)`, row 0 .. 15, is the row's first element, or nullptr for a row of zeros.
template <class E, int D, int Strips, class M, class Source>
DERMIS_DEVICE void load_strip(M& m, QueryFragments<E, D, Strips>& fragments, int strip, Source source) {
  const E* rows[2] = {source(m.lane() / 4), source(m.lane() / 4 + 8)};
  const auto pair = [&](int row, int column) {
    const auto* at = reinterpret_cast<const uint32_t*>(rows[row] + column + 2 * (m.lane() % 4));
    return rows[row] != nullptr ? m.load(at) : 0;
  };
  DERMIS_UNROLL
  for (int step = 0; step < DepthSteps<D>::kSixteens; ++step) {
    DERMIS_UNROLL
    for (int word = 0; word < 4; ++word) {
      fragments.sixteens[step][strip][word] = pair(word % 2, 16 * step + 8 * (word / 2));
    }
  }
  if constexpr (DepthSteps<D>::kEight) {
    DERMIS_UNROLL
    for (int word = 0; word < 2; ++word) fragments.eight[strip][word] = pair(word, D - 8);
  }
}

// Sums of one strip, times `factor`, rounded. `target(row)` is the row's first element, or nullptr for a row that is
// not written.
template <class E, int D, class M, class Target>
DERMIS_DEVICE void store_strip(M& m, const float (&sums)[D / 8][4], float factor, Target target) {
  DERMIS_UNROLL
  for (int half = 0; half < 2; ++half) {
    E* row = target(m.lane() / 4 + 8 * half);
    if (row == nullptr) continue;
    DERMIS_UNROLL
    for (int n = 0; n < D / 8; ++n) {
      m.store(reinterpret_cast<uint32_t*>(row + 8 * n + 2 * (m.lane() % 4)),
              m.template pack<E>(sums[n][2 * half] * factor, sums[n][2 * half + 1] * factor));
    }
  }
}

// A fragment of sums, moved at once.
struct alignas(16) Fragment {
  float value[4];
};

}  // namespace dermis
