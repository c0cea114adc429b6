// Host side of the attention forward kernel: tile sizes, shared memory, launch shape, order of tiles. No CUDA here.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <span>
#include <vector>

#include "kernels/attention/device/params.h"

namespace dermis {

// A block holds kRows flat query rows (params.h) and streams the keys and values they see through a ring of kStages
// stages, each kKeys rows of keys and as many of values, multiplied kStep rows at a time. A warp owns kStrips strips of
// 16 rows: two strips halve the shared memory read per multiplication, which mma.sync needs to run at full rate; at
// D = 256 the sums of one strip alone take 128 registers a thread.
//
// Queries live in registers. They arrive through the end of the ring, which is free until then. With kStep = 16 no
// value goes without a register:
//
//      D  queries + sums + scores + the rest = registers   blocks an SM: sm_80, sm_90   sm_86, sm_89   shared memory
//     64       32     64       16         45         157                      3              2             33 KiB
//     72       36     72       16         44         168                      3              2             37 KiB
//    128       64    128       16         47         255                      2              2             49 KiB
//    256       64    128        8         55         255                      1              1             97 KiB
template <int D>
struct ForwardConfig {
  static_assert(D == 64 || D == 72 || D == 128 || D == 256);
  static constexpr int kWarps = D == 256 ? 8 : 4, kThreads = kWarps * kWarpSize;
  static constexpr int kBlocksPerSm = D < 128 ? 3 : D == 128 ? 2 : 1;
  static constexpr int kStrips = D == 256 ? 1 : 2;
  static constexpr int kRows = 16 * kStrips * kWarps;
  static constexpr int kKeys = D < 128 ? 64 : 32;
  static constexpr int kStep = 16;
  static constexpr int kStages = D < 128 ? 2 : 3;

  static constexpr uint32_t kTileBytes = kKeys * D * 2, kStageBytes = 2 * kTileBytes;
  static constexpr uint32_t kRingBytes = kStages * kStageBytes, kQueryBytes = kRows * D * 2;
  static constexpr uint32_t kRingAt = 0;
  static constexpr uint32_t kQueriesAt = kRingBytes - kQueryBytes;
  static constexpr uint32_t kRowWordsAt = kRingBytes;
  static constexpr uint32_t kSharedBytes = kRowWordsAt + kRows * 8;

  // Stages that may be on their way before the queries have reached the registers.
  static constexpr int kStagesBeforeQueries = static_cast<int>(kQueriesAt / kStageBytes);
  static_assert(kStagesBeforeQueries >= 1 && kStagesBeforeQueries < kStages);
  static_assert(kSharedBytes <= kSharedLimit);
};

template <int D>
Launch forward_launch(int64_t T, int64_t H, int64_t G) {
  using Config = ForwardConfig<D>;
  return {
      {static_cast<uint32_t>(ceil_div(T * (H / G), Config::kRows) * G), 1, 1}, Config::kThreads, Config::kSharedBytes};
}

// Row tiles by falling number of key tiles, so that the last blocks to run are short ones; equal tiles keep their
// order, and with it the keys they share in the cache. lo and hi are those of VisibleKeys, `group` = H / G.
template <int D>
std::vector<int32_t> forward_tile_order(std::span<const int32_t> lo, std::span<const int32_t> hi, int64_t group) {
  using Config = ForwardConfig<D>;
  const int64_t rows = static_cast<int64_t>(lo.size()) * group;
  std::vector<int64_t> key_tiles(static_cast<size_t>(ceil_div(rows, Config::kRows)));
  for (size_t tile = 0; tile < key_tiles.size(); ++tile) {
    const int64_t first = static_cast<int64_t>(tile) * Config::kRows, last = std::min(first + Config::kRows, rows) - 1;
    const int64_t keys = hi[static_cast<size_t>(last / group)] - lo[static_cast<size_t>(first / group)];
    key_tiles[tile] = ceil_div(std::max<int64_t>(keys, 0), Config::kKeys);
  }
  std::vector<int32_t> order(key_tiles.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return key_tiles[static_cast<size_t>(a)] > key_tiles[static_cast<size_t>(b)];
  });
  return order;
}

}  // namespace dermis
