// Shapes of the backward kernels, by head size. No CUDA here: the host asks too.
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

// Head sizes other than these have no kernels.
constexpr bool is_backward_head_size(int64_t head_size) {
  return head_size == 64 || head_size == 72 || head_size == 128 || head_size == 256;
}

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
