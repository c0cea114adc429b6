// Host side of the backward kernels: how many blocks, and the order in which they take tiles. No CUDA here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "kernels/attention/device/backward_shape.h"

namespace dermis {

// K is AttentionRowStatistics, AttentionKeysGradient or AttentionRowsGradient.
template <class K>
Launch row_statistics_launch(int64_t T, int64_t H) {
  return {{static_cast<uint32_t>(ceil_div(T, K::kTokens) * H), 1, 1}, K::kThreads, 0};
}
template <class K>
Launch keys_gradient_launch(int64_t S, int64_t G) {
  return {{static_cast<uint32_t>(ceil_div(S, K::kOwned) * G), 1, 1}, K::kThreads, K::kSharedBytes};
}
template <class K>
Launch rows_gradient_launch(int64_t T, int64_t H, int64_t G) {
  return {{static_cast<uint32_t>(ceil_div(T * (H / G), K::kOwned) * G), 1, 1}, K::kThreads, K::kSharedBytes};
}

// Tiles of `height` positions by what they stream, most first, so that the last blocks to run are short ones; equal
// tiles keep their order, and with it what they share in the cache. A position sees begin[i / group] .. end[i / group].
inline std::vector<int32_t> longest_tiles_first(std::span<const int32_t> begin, std::span<const int32_t> end,
                                                int64_t group, int64_t height) {
  const int64_t positions = static_cast<int64_t>(begin.size()) * group;
  std::vector<int32_t> length(static_cast<size_t>(ceil_div(positions, height)));
  for (size_t tile = 0; tile < length.size(); ++tile) {
    const int64_t first = static_cast<int64_t>(tile) * height, last = std::min(first + height, positions) - 1;
    length[tile] = end[static_cast<size_t>(last / group)] - begin[static_cast<size_t>(first / group)];
  }
  std::vector<int32_t> order(length.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return length[static_cast<size_t>(a)] > length[static_cast<size_t>(b)];
  });
  return order;
}

// AttentionBackwardParams::key_tile_order and row_tile_order, from the arrays of KeyIntervals; group = H / G.
inline std::vector<int32_t> backward_key_tile_order(int head_size, std::span<const int32_t> seen_from,
                                                    std::span<const int32_t> seen_to) {
  return longest_tiles_first(seen_from, seen_to, 1, keys_gradient_shape(head_size).owned());
}
inline std::vector<int32_t> backward_row_tile_order(int head_size, std::span<const int32_t> lo,
                                                    std::span<const int32_t> hi, int64_t group) {
  return longest_tiles_first(lo, hi, group, rows_gradient_shape(head_size).owned());
}

}  // namespace dermis
