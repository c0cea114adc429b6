#include "tests/emulator/warp_operations.h"

#include <cstring>

#include "tests/emulator/memory_access.h"

namespace dermis {
namespace {

void execute_warp_barrier(EmulatedWarp& warp) {
  warp.sync_time = warp.block->launch->device.tick();
  share_knowledge(warp.lanes, kWarpSize);
}

void execute_shuffle(EmulatedWarp& warp) {
  uint32_t values[kWarpSize];
  for (int lane = 0; lane < kWarpSize; ++lane) values[lane] = warp.call<ShuffleCall>(lane).value;
  for (int lane = 0; lane < kWarpSize; ++lane) {
    auto& call = warp.call<ShuffleCall>(lane);
    call.value = values[call.source % kWarpSize];
  }
}

void execute_any(EmulatedWarp& warp) {
  bool any = false;
  for (int lane = 0; lane < kWarpSize; ++lane) any = any || warp.call<AnyCall>(lane).value;
  for (int lane = 0; lane < kWarpSize; ++lane) warp.call<AnyCall>(lane).value = any;
}

}  // namespace

const WarpOperation kWarpBarrier{"sync_warp", &execute_warp_barrier};
const WarpOperation kShuffle{"shuffle", &execute_shuffle};
const WarpOperation kAny{"any", &execute_any};

template <int N, bool Transposed>
void execute_load_matrix(EmulatedWarp& warp) {
  EmulationReport& report = warp.block->launch->report;
  for (int tile = 0; tile < N; ++tile) {
    uint16_t numbers[8][8];
    uint32_t addresses[8];
    for (int row = 0; row < 8; ++row) {
      const int lane = 8 * tile + row;
      const auto& call = warp.call<LoadMatrixCall>(lane);
      addresses[row] = call.row.at;
      std::memcpy(numbers[row], read_shared(*warp.lanes[lane], call.row, 16, call.site), 16);
    }
    // Eight different rows of 16 bytes take one cycle when they fall into eight different groups of four banks.
    int rows_in_group[8] = {};
    for (int row = 0; row < 8; ++row) {
      if (std::find(addresses, addresses + row, addresses[row]) == addresses + row) {
        ++rows_in_group[addresses[row] / 16 % 8];
      }
    }
    report.bank_conflicts += static_cast<uint64_t>(*std::max_element(rows_in_group, rows_in_group + 8) - 1);
    ++report.matrix_loads;
    for (int lane = 0; lane < kWarpSize; ++lane) {
      const int group = lane / 4, pair = lane % 4 * 2;
      const uint32_t low = Transposed ? numbers[pair][group] : numbers[group][pair];
      const uint32_t high = Transposed ? numbers[pair + 1][group] : numbers[group][pair + 1];
      warp.call<LoadMatrixCall>(lane).r[tile] = low | high << 16;
    }
  }
}

template <class E>
static void unpack(uint32_t both, float& low, float& high) {
  low = to_float(E{static_cast<uint16_t>(both & 0xffffu)});
  high = to_float(E{static_cast<uint16_t>(both >> 16)});
}

template <class E, int Depth>
void execute_product(EmulatedWarp& warp) {
  ++warp.block->launch->report.matrix_products;
  float a[16][Depth], b[Depth][8], d[16][8];
  for (int lane = 0; lane < kWarpSize; ++lane) {
    const auto& call = warp.call<ProductCall>(lane);
    const int group = lane / 4, pair = lane % 4 * 2;
    for (int half = 0; half < Depth / 8; ++half) {
      const int column = pair + 8 * half;
      unpack<E>(call.a[2 * half], a[group][column], a[group][column + 1]);
      unpack<E>(call.a[2 * half + 1], a[group + 8][column], a[group + 8][column + 1]);
      unpack<E>(call.b[half], b[column][group], b[column + 1][group]);
    }
    std::memcpy(&d[group][pair], call.d, 2 * sizeof(float));
    std::memcpy(&d[group + 8][pair], call.d + 2, 2 * sizeof(float));
  }
  for (int row = 0; row < 16; ++row) {
    for (int k = 0; k < Depth; ++k) {
      for (int column = 0; column < 8; ++column) d[row][column] += a[row][k] * b[k][column];
    }
  }
  for (int lane = 0; lane < kWarpSize; ++lane) {
    float* out = warp.call<ProductCall>(lane).d;
    const int group = lane / 4, pair = lane % 4 * 2;
    std::memcpy(out, &d[group][pair], 2 * sizeof(float));
    std::memcpy(out + 2, &d[group + 8][pair], 2 * sizeof(float));
  }
}

template void execute_load_matrix<1, false>(EmulatedWarp&);
template void execute_load_matrix<2, false>(EmulatedWarp&);
template void execute_load_matrix<4, false>(EmulatedWarp&);
template void execute_load_matrix<1, true>(EmulatedWarp&);
template void execute_load_matrix<2, true>(EmulatedWarp&);
template void execute_load_matrix<4, true>(EmulatedWarp&);
template void execute_product<Bf16, 16>(EmulatedWarp&);
template void execute_product<Bf16, 8>(EmulatedWarp&);
template void execute_product<Fp16, 16>(EmulatedWarp&);
template void execute_product<Fp16, 8>(EmulatedWarp&);

}  // namespace dermis
