// Exchange between lanes, votes, tiles of 8 x 8 from shared memory.
#include "tests/ptx/operations.h"
#include "tests/ptx/warp.h"

namespace dermis::ptx {
namespace {

void check_all_named(Warp& warp, uint16_t mask) {
  if (as<uint32_t>(warp.lanes(mask)[0]) != kAllLanes) warp.fail("an exchange of some lanes");
}

// shfl.sync d|p, value, lane or mask, clamp, members. Segments of a warp are not known here: clamp is 31.
template <bool kXor>
void shuffle(Warp& warp, const Instruction& i) {
  check_all_named(warp, i.in[3]);
  const Lanes value = warp.lanes(i.in[0]), by = warp.lanes(i.in[1]);
  for (int lane = 0; lane < kLanes; ++lane) {
    if (as<uint32_t>(warp.lanes(i.in[2])[lane]) != 31) warp.fail("an exchange within segments");
    const uint32_t from = kXor ? static_cast<uint32_t>(lane) ^ as<uint32_t>(by[lane]) : as<uint32_t>(by[lane]) & 31;
    const bool inside = from < kLanes;
    warp.lanes(i.out[0])[lane] = value[inside ? from : static_cast<uint32_t>(lane)] & 0xffffffffu;
    if (i.outs == 2) warp.lanes(i.out[1])[lane] = inside ? 1 : 0;
  }
}

void any(Warp& warp, const Instruction& i) {
  check_all_named(warp, i.in[1]);
  uint64_t found = 0;
  warp.for_active([&](int lane) { found |= warp.lanes(i.in[0])[lane] & 1; });
  warp.lanes(i.out[0]).fill(found);
}

void nothing(Warp&, const Instruction&) {}

// Lane 8 t + r has the address of row r of tile t. Lane l gets numbers 2 (l % 4) and the next of row l / 4, or of the
// transposed tile.
template <int N, bool kTransposed>
void load_matrix(Warp& warp, const Instruction& i) {
  uint16_t rows[N][8][8];
  const Lanes& addresses = warp.lanes(i.in[0]);
  for (int row = 0; row < 8 * N; ++row) {
    const uint64_t address = addresses[row] + static_cast<uint64_t>(i.offset);
    std::memcpy(rows[row / 8][row % 8], warp.at(Space::shared, address, 16), 16);
  }
  for (int tile = 0; tile < N; ++tile) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const int row = lane / 4, column = lane % 4 * 2;
      const uint32_t low = kTransposed ? rows[tile][column][row] : rows[tile][row][column];
      const uint32_t high = kTransposed ? rows[tile][column + 1][row] : rows[tile][row][column + 1];
      warp.lanes(i.out[tile])[lane] = high << 16 | low;
    }
  }
}

template <bool kTransposed>
Operation load_matrix_of(int tiles) {
  const Execute execute = tiles == 1   ? &load_matrix<1, kTransposed>
                          : tiles == 2 ? &load_matrix<2, kTransposed>
                                       : &load_matrix<4, kTransposed>;
  return {execute, Flow::together, Space::shared, tiles, 1};
}

}  // namespace

Operation warp_named(std::string_view name) {
  if (name == "shfl.sync.bfly.b32") return {&shuffle<true>, Flow::together, Space::generic, 2, 4};
  if (name == "shfl.sync.idx.b32") return {&shuffle<false>, Flow::together, Space::generic, 2, 4};
  if (name == "vote.sync.any.pred") return {&any, Flow::together, Space::generic, 1, 2};
  if (name == "bar.warp.sync") return {&nothing, Flow::together, Space::generic, 0, 1};
  if (name == "bar.sync") return {&nothing, Flow::barrier, Space::generic, 0, 1};
  for (const int tiles : {1, 2, 4}) {
    const std::string begin = "ldmatrix.sync.aligned.m8n8.x" + std::to_string(tiles);
    if (name == begin + ".shared.b16") return load_matrix_of<false>(tiles);
    if (name == begin + ".trans.shared.b16") return load_matrix_of<true>(tiles);
  }
  return {};
}

}  // namespace dermis::ptx
