// Shapes of the backward kernels, by head size. No CUDA here: the host asks too.
//
// A thread of a warp that owns one strip of 16 rows holds D / 2 registers for each gradient that it sums, D / 4 for
// each operand that it keeps, and step / 2 for each product of the strip with `step` streamed rows:
//
//                D  sums  operands  products  together  compiler's  blocks an SM  shared memory
//   keys        64    64        32        16       112         168             3           33 K
//               72    72        36        16       124         168             3           37 K
//              128   128        64        16       208         255             1           65 K
//       paired 256   128        64        16       208         255             1           73 K
//   rows        64    64        64        32       160         223             2           32 K    two strips
//               72    72        72        32       176         240             2           36 K    two strips
//              128    64        64        32       160         233             1           64 K
//       paired 256   128        64        16       208         255             1           72 K
//
// The rest, some 45 registers, is for fragments on their way from shared memory, factors and addresses. Since operands
// stay in registers, only what streams is read from shared memory: 256 bytes for a product of 16 x 8 x 16, on sm_80 two
// clocks of shared memory for two clocks of the tensor cores. Two strips a warp halve that.
#pragma once

#include <cstdint>

#include "kernels/machine/machine.h"

namespace dermis {

struct BackwardShape {
  int warps;          // of a block
  int strips;         // of 16 rows that a warp owns
  int stream;         // rows of a tile that streams past; there are two such tiles, one used while the other is copied
  int step;           // rows of it that are multiplied at once
  bool paired;        // two warps own the same strip: one computes scores, the other gradients of weights
  int blocks_per_sm;  // that registers must leave room for

  constexpr int threads() const { return warps * kWarpSize; }
  constexpr int owned() const { return (paired ? warps / 2 : warps) * strips * 16; }  // rows of a block
};

// grad_k and grad_v: a block owns keys, query rows stream.
constexpr BackwardShape keys_gradient_shape(int head_size) {
  switch (head_size) {
    case 64: return {.warps = 4, .strips = 1, .stream = 64, .step = 16, .paired = false, .blocks_per_sm = 3};
    case 72: return {.warps = 4, .strips = 1, .stream = 64, .step = 16, .paired = false, .blocks_per_sm = 3};
    case 128: return {.warps = 8, .strips = 1, .stream = 64, .step = 16, .paired = false, .blocks_per_sm = 1};
    default: return {.warps = 8, .strips = 1, .stream = 32, .step = 32, .paired = true, .blocks_per_sm = 1};
  }
}

// grad_q: a block owns query rows, keys stream.
constexpr BackwardShape rows_gradient_shape(int head_size) {
  switch (head_size) {
    case 64: return {.warps = 4, .strips = 2, .stream = 64, .step = 16, .paired = false, .blocks_per_sm = 2};
    case 72: return {.warps = 4, .strips = 2, .stream = 64, .step = 16, .paired = false, .blocks_per_sm = 2};
    case 128: return {.warps = 8, .strips = 1, .stream = 64, .step = 32, .paired = false, .blocks_per_sm = 1};
    default: return {.warps = 8, .strips = 1, .stream = 32, .step = 32, .paired = true, .blocks_per_sm = 1};
  }
}

}  // namespace dermis
