// Body of the column sum.
#pragma once

#include "kernels/column_sum/column_sum_cuda.h"

namespace dermis {

// A block takes 32 columns of one matrix: warp w adds rows w, w + kWarps, ..., then the warps' sums are added in order.
struct ColumnSumKernel {
  using Params = ColumnSumParams;
  static constexpr int kThreads = 512, kBlocksPerSm = 2;
  static constexpr int kWarps = kThreads / kWarpSize, kInFlight = 8;
  static constexpr uint32_t kSharedBytes = kThreads * sizeof(float);

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const int64_t column = static_cast<int64_t>(m.block(0)) * kWarpSize + m.lane();
    const bool inside = column < p.width;
    const float* matrix = p.partials + m.block(1) * p.rows * p.width;
    float total = 0;
    for (int64_t row = m.warp(); row < p.rows; row += kWarps * kInFlight) {
      float values[kInFlight];
      DERMIS_UNROLL
      for (int i = 0; i < kInFlight; ++i) {
        const int64_t at = row + i * kWarps;
        values[i] = inside && at < p.rows ? m.load(matrix + at * p.width + column) : 0;
      }
      DERMIS_UNROLL
      for (float value : values) total += value;
    }
    m.store(place(m.warp(), m.lane()), total);
    m.sync();
    if (m.warp() != 0 || !inside) return;
    total = 0;
    for (int warp = 0; warp < kWarps; ++warp) total += m.template load<float>(place(warp, m.lane()));
    void* sums = m.block(1) == 0 ? p.sums[0] : p.sums[1];
    if (sums == nullptr) return;
    switch (p.type) {
      case ElementType::fp32: m.store(static_cast<float*>(sums) + column, total); break;
      case ElementType::bf16: m.store(static_cast<Bf16*>(sums) + column, m.template from_float<Bf16>(total)); break;
      case ElementType::fp16: m.store(static_cast<Fp16*>(sums) + column, m.template from_float<Fp16>(total)); break;
    }
  }

 private:
  DERMIS_DEVICE static Shared place(int warp, int lane) {
    return {static_cast<uint32_t>(warp * kWarpSize + lane) * static_cast<uint32_t>(sizeof(float))};
  }
};

inline Launch column_sum_launch(const ColumnSumParams& p) {
  return {.blocks = {static_cast<uint32_t>(ceil_div(p.width, kWarpSize)), static_cast<uint32_t>(p.matrices), 1},
          .threads = ColumnSumKernel::kThreads,
          .shared_bytes = ColumnSumKernel::kSharedBytes};
}

}  // namespace dermis
