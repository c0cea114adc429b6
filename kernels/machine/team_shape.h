// How rows are dealt out where a row's numbers belong together (norms): a team is the threads of a block that share one
// row, eight columns each. Narrow rows have several teams in a block; each walks rows of its own, in step with the
// others. Nothing here depends on the GPU, so sums are made in the same order on every one.
#pragma once

#include "kernels/machine/machine.h"

namespace dermis {

constexpr int kTeamColumns = 8;  // a thread
constexpr int kMostTeamThreads = 1024;
constexpr int64_t kWidestTeamRow = kMostTeamThreads * kTeamColumns;

struct TeamShape {
  int32_t threads;    // of a team: whole warps
  int32_t per_block;  // teams
  DERMIS_HOST_DEVICE constexpr int32_t block_threads() const { return threads * per_block; }
};
DERMIS_HOST_DEVICE constexpr TeamShape team_shape(int64_t width) {
  constexpr int32_t kBlockWarps = 8;
  const auto warps = static_cast<int32_t>(ceil_div(width > 0 ? width : 1, kTeamColumns * kWarpSize));
  return {warps * kWarpSize, warps >= kBlockWarps ? 1 : kBlockWarps / warps};
}

constexpr int64_t most_blocks(int64_t threads, const TeamShape& shape) {
  return threads >= shape.block_threads() ? threads / shape.block_threads() : 1;
}

// Blocks of a kernel without sums over rows: four times what an H200 holds at 1,024 threads an SM, so that the last
// ones do not leave a GPU of another size half idle.
constexpr int64_t team_blocks(int64_t rows, int64_t width) {
  const TeamShape shape = team_shape(width);
  const int64_t wanted = ceil_div(rows, shape.per_block), most = most_blocks(4 * 132 * 1024, shape);
  return wanted < most ? wanted : most;
}

// Blocks of a kernel whose teams each leave a row of partial sums: two of 256 threads an SM of an H200, and at least
// eight rows a team, so that partial sums stay a small part of the traffic.
constexpr int64_t summing_blocks(int64_t rows, int64_t width) {
  const TeamShape shape = team_shape(width);
  const int64_t wanted = ceil_div(rows, int64_t{8} * shape.per_block), most = most_blocks(2 * 132 * 256, shape);
  return wanted < most ? wanted : most;
}
constexpr int64_t partial_rows(int64_t rows, int64_t width) {
  return summing_blocks(rows, width) * team_shape(width).per_block;
}

}  // namespace dermis
