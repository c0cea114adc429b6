// The threads that share a row (team_shape.h), seen from one of them.
#pragma once

#include "kernels/machine/rows.h"
#include "kernels/machine/team_shape.h"

namespace dermis {

// Two areas for sums of up to two numbers a warp: while slow threads read one, fast threads write the other.
constexpr uint32_t kTeamAreaBytes = kMostTeamThreads / kWarpSize * 2 * sizeof(float);
constexpr uint32_t kTeamSharedBytes = 2 * kTeamAreaBytes;

// `blocks` blocks that together walk all rows.
inline Launch team_launch(int64_t width, int64_t blocks) {
  const TeamShape shape = team_shape(width);
  return {.blocks = {static_cast<uint32_t>(blocks), 1, 1},
          .threads = static_cast<uint32_t>(shape.block_threads()),
          .shared_bytes = kTeamSharedBytes};
}

class RowTeam {
 public:
  template <class M>
  DERMIS_DEVICE RowTeam(M& m, int64_t width) {
    const TeamShape shape = team_shape(width);
    warps_ = shape.threads / kWarpSize;
    warp_ = m.warp();
    index_ = warp_ / warps_;
    per_block_ = shape.per_block;
    column_ = (m.thread() - index_ * shape.threads) * kTeamColumns;
    lane_ = m.lane();
  }

  DERMIS_DEVICE int32_t column() const { return column_; }  // first of this thread's eight
  DERMIS_DEVICE bool leads() const { return column_ == 0; }

  // Row loop, the same number of turns for all teams of the block:
  //   for (int64_t base = team.first_base(m); base < rows; base += team.step(m)) { row = team.row(base); ... }
  // row may lie beyond the last.
  template <class M>
  DERMIS_DEVICE int64_t first_base(M& m) const {
    return static_cast<int64_t>(m.block(0)) * per_block_;
  }
  template <class M>
  DERMIS_DEVICE int64_t step(M& m) const {
    return static_cast<int64_t>(m.blocks(0)) * per_block_;
  }
  DERMIS_DEVICE int64_t row(int64_t base) const { return base + index_; }

  // Sums over the team, in all its threads and the same from run to run. Every thread of the block calls.
  template <int N, class M>
  DERMIS_DEVICE void sum(M& m, float (&values)[N]) {
    static_assert(N <= 2);
    DERMIS_UNROLL
    for (float& value : values) value = warp_sum(m, value);
    if (warps_ == 1) return;
    const Shared area{second_area_ ? kTeamAreaBytes : 0};
    second_area_ = !second_area_;
    const int first = index_ * warps_;
    if (lane_ == 0) {
      DERMIS_UNROLL
      for (int n = 0; n < N; ++n) m.store(place(area, warp_, n), values[n]);
    }
    m.sync();
    DERMIS_UNROLL
    for (int n = 0; n < N; ++n) {
      values[n] = warp_sum(m, lane_ < warps_ ? m.template load<float>(place(area, first + lane_, n)) : 0.0f);
    }
  }

 private:
  DERMIS_DEVICE static Shared place(Shared area, int warp, int n) {
    return area + static_cast<uint32_t>(warp * 2 + n) * sizeof(float);
  }

  int32_t column_;
  int warp_, index_, warps_, per_block_, lane_;
  bool second_area_ = false;
};

}  // namespace dermis
