// What a block of a backward kernel owns and what streams past it. Both are kept in shared memory and read again
// whenever they are needed: in between, registers are for fragments and sums.
#pragma once

#include "kernels/machine/machine.h"

namespace dermis {

// Positions that the block has to see, keys or flat rows. Tiles within full_begin .. full_end need no mask.
struct alignas(16) Stream {
  int begin, end, full_begin, full_end;
};
// The first key or flat row that the block owns, and of which key/value head.
struct alignas(8) Place {
  int first, key_head;
};

constexpr uint32_t kPlanBytes = 32;
template <uint32_t At>
struct BlockPlan {
  template <class M>
  DERMIS_DEVICE static void store(M& m, const Stream& stream, const Place& place) {
    if (m.thread() == 0) {
      m.store(Shared{At}, stream);
      m.store(Shared{At + sizeof(Stream)}, place);
    }
    m.sync();
  }
  template <class M>
  DERMIS_DEVICE static Stream stream(M& m) {
    return m.template load<Stream>(Shared{At});
  }
  template <class M>
  DERMIS_DEVICE static Place place(M& m) {
    return m.template load<Place>(Shared{At + sizeof(Stream)});
  }
};

// Two stages of shared memory: one is used while the next tile is on its way to the other. `warp` has
//   copy(stage, first, end)                  starts copies of the tile from position `first` on to that shared address
//   multiply<Masked>(stage, first, end)
template <int Rows, uint32_t StageBytes, class Plan, class M, class Warp>
DERMIS_DEVICE void stream_tiles(M& m, Warp& warp) {
  uint32_t stage = 0;
  int first = Plan::stream(m).begin;
  if (first >= Plan::stream(m).end) return;
  warp.copy(stage, first, Plan::stream(m).end);
  for (bool last = false; !last; first += Rows) {
    m.template wait<0>();
    m.sync();  // the tile has arrived, and everyone is done with the one before
    const Stream stream = Plan::stream(m);
    last = first + Rows >= stream.end;
    if (!last) warp.copy(StageBytes - stage, first + Rows, stream.end);
    if (first >= stream.full_begin && first + Rows <= stream.full_end) {
      warp.template multiply<false>(stage, first, stream.end);
    } else {
      warp.template multiply<true>(stage, first, stream.end);
    }
    stage = StageBytes - stage;
  }
}

}  // namespace dermis
