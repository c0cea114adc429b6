// Tile (kernels/attention/device/tile.h) as laid out in shared memory: every read of it is free of bank conflicts, and
// a read that forgets the permutation gets wrong numbers.
#include "kernels/attention/device/tile.h"

#include "tests/device/emulator/fault_of.h"

namespace dermis::testing {
namespace {

// s = x x^T for one tile of 32 rows, and o = s x: all the ways in which kernels read tiles.
template <int D>
struct ReadEveryWay {
  struct Params {
    const Bf16* x;  // [32, D]
  };
  static constexpr int kThreads = 32, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    const Tile<Bf16, 32, D> tile{{0}};
    tile.template copy_async<32>(m, p.x, [&](int row) { return p.x + row * D; });
    m.commit();
    m.template wait<0>();
    m.sync();
    uint32_t r4[4], r2[2];
    for (int row = 0; row < 32; row += 16) {
      for (int step = 0; step < D / 16; ++step) {
        tile.a_k16(m, row, step, r4);
        tile.b_rows_k16(m, row, step, r4);
        tile.b_columns_k16(m, row, 2 * step, r4);
        tile.a_columns_k16(m, row, 2 * step, r4);
      }
      if constexpr (D % 16 != 0) {
        tile.a_k8(m, row, D / 8 - 1, r2);
        tile.b_rows_k8(m, row, D / 8 - 1, r2);
        tile.b_columns_k16(m, row, D / 8 - 1, r2);
      }
    }
  }
};

template <int D>
void expect_no_conflict() {
  EmulatedDevice device;
  DeviceBuffer<Bf16> x(device, 32 * D);
  x.upload_values(std::vector<double>(32 * D, 1.0));
  const EmulationReport report =
      emulate<ReadEveryWay<D>>(device, {{1, 1, 1}, 32, Tile<Bf16, 32, D>::kBytes}, {x.data()});
  EXPECT_EQ(report.matrix_loads, static_cast<uint64_t>(2 * (D / 16 * 16 + D % 16 / 8 * 6)));
  EXPECT_EQ(report.bank_conflicts, 0u);
}
TEST(Tile, NoBankConflicts) {
  expect_no_conflict<64>();
  expect_no_conflict<72>();
  expect_no_conflict<128>();
  expect_no_conflict<256>();
}

// Reads the fragment of rows 0 to 15 and columns 0 to 15 from where it lies, or from where it would lie unpermuted.
template <bool Permuted>
struct ReadPlain {
  struct Params {
    const Bf16* x;  // [16, 64]
    uint32_t* out;  // [32, 4]
  };
  static constexpr int kThreads = 32, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    const Tile<Bf16, 16, 64> tile{{0}};
    tile.template copy_async<32>(m, p.x, [&](int row) { return p.x + row * 64; });
    m.commit();
    m.template wait<0>();
    m.sync();
    uint32_t a[4];
    if (Permuted) {
      tile.a_k16(m, 0, 0, a);
    } else {
      m.load_matrix(a, Shared{static_cast<uint32_t>(m.lane() % 16 * 128 + m.lane() / 16 * 16)});
    }
    for (int i = 0; i < 4; ++i) m.store(p.out + 4 * m.lane() + i, a[i]);
  }
};
template <bool Permuted>
std::pair<bool, uint64_t> read_plain() {
  EmulatedDevice device;
  DeviceBuffer<Bf16> x(device, 16 * 64);
  DeviceBuffer<uint32_t> out(device, 32 * 4);
  std::vector<Bf16> numbers(16 * 64);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i].bits = static_cast<uint16_t>(i);
  x.upload(numbers);
  const uint64_t conflicts =
      emulate<ReadPlain<Permuted>>(device, {{1, 1, 1}, 32, 16 * 128}, {x.data(), out.data()}).bank_conflicts;
  bool right = true;
  for (uint32_t lane = 0; lane < 32; ++lane) {
    for (uint32_t i = 0; i < 4; ++i) {  // a0, a1: columns 0 to 7 of rows 0 and 8 on; a2, a3: columns 8 to 15
      const uint32_t first = (lane / 4 + i % 2 * 8) * 64 + i / 2 * 8 + lane % 4 * 2;
      right = right && out.download()[4 * lane + i] == (first | (first + 1) << 16);
    }
  }
  return {right, conflicts};
}
TEST(Tile, WrongSwizzleShows) {
  EXPECT_EQ(read_plain<true>(), (std::pair<bool, uint64_t>{true, 0}));
  const auto [right, conflicts] = read_plain<false>();
  EXPECT_FALSE(right);
  EXPECT_EQ(conflicts, 4u * 7u);
}

}  // namespace
}  // namespace dermis::testing
