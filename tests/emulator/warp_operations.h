// Warp-wide calls, carried out for all 32 lanes at once.
#pragma once

#include <algorithm>
#include <type_traits>

#include "tests/emulator/numbers.h"
#include "tests/emulator/schedule.h"

namespace dermis {

inline constexpr WarpOperation kBlockBarrier{"sync", nullptr};
extern const WarpOperation kWarpBarrier;

// `source` is the lane whose value this lane takes.
struct ShuffleCall : WarpCall {
  uint32_t value;
  int source;
};
extern const WarpOperation kShuffle;

struct AnyCall : WarpCall {
  bool value;
};
extern const WarpOperation kAny;

// `row` is the address of row lane % 8 of tile lane / 8; tile t lands in r[t].
struct LoadMatrixCall : WarpCall {
  uint32_t* r;
  Shared row;
};
// N tiles of 8 x 8.
template <int N, bool Transposed>
void execute_load_matrix(EmulatedWarp& warp);
template <int N, bool Transposed>
inline constexpr WarpOperation kLoadMatrix{Transposed ? "load_matrix_transposed" : "load_matrix",
                                           &execute_load_matrix<N, Transposed>};

struct ProductCall : WarpCall {
  float* d;
  const uint32_t* a;
  const uint32_t* b;
};
// d += a b with Depth 16 or 8. Each product of two 16-bit numbers is exact in fp32; products are added to d one after
// another in order of depth, each sum rounded to nearest. (The device adds several at once and truncates.)
template <class E, int Depth>
void execute_product(EmulatedWarp& warp);
template <class E, int Depth>
inline constexpr WarpOperation kProduct{Depth == 16 ? "mma_k16" : "mma_k8", &execute_product<E, Depth>};

}  // namespace dermis
