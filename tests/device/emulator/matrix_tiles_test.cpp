// load_matrix and mma against the fragment maps of the PTX ISA, written out here element by element.
#include "tests/device/emulator/fault_of.h"

namespace dermis::testing {
namespace {

// Four tiles of 8 x 8 numbers, number = 64 * tile + 8 * row + column, tile t's rows 16 bytes apart from 128 t on.
template <int N, bool Transposed>
struct LoadTiles {
  struct Params {
    uint32_t* r;  // [32 lanes, N]
  };
  static constexpr int kThreads = 32, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    for (int i = m.lane(); i < 256; i += 32) {
      m.store(Shared{static_cast<uint32_t>(2 * i)}, static_cast<uint16_t>(i));
    }
    m.sync_warp();
    uint32_t r[N];
    // Addresses of lanes past 8 N are not read.
    const Shared row{m.lane() < 8 * N ? static_cast<uint32_t>(16 * m.lane()) : 1u << 30};
    if constexpr (Transposed) {
      m.load_matrix_transposed(r, row);
    } else {
      m.load_matrix(r, row);
    }
    for (int i = 0; i < N; ++i) m.store(p.r + m.lane() * N + i, r[i]);
  }
};

template <int N, bool Transposed>
void check_tiles() {
  EmulatedDevice device;
  DeviceBuffer<uint32_t> r(device, 32 * N);
  const EmulationReport report = emulate<LoadTiles<N, Transposed>>(device, {{1, 1, 1}, 32, 512}, {r.data()});
  EXPECT_EQ(report.matrix_loads, static_cast<uint64_t>(N));
  EXPECT_EQ(report.bank_conflicts, 0u);
  for (uint32_t lane = 0; lane < 32; ++lane) {
    for (uint32_t tile = 0; tile < N; ++tile) {
      // Row lane / 4, columns 2 (lane % 4) and the next; transposed: column lane / 4, those rows.
      const uint32_t across = 2 * (lane % 4), along = lane / 4;
      const uint32_t low = 64 * tile + (Transposed ? 8 * across + along : 8 * along + across);
      const uint32_t high = low + (Transposed ? 8 : 1);
      EXPECT_EQ(r.download()[lane * N + tile], low | high << 16) << "lane " << lane << " tile " << tile;
    }
  }
}
TEST(MatrixTiles, LoadOne) { check_tiles<1, false>(); }
TEST(MatrixTiles, LoadTwo) { check_tiles<2, false>(); }
TEST(MatrixTiles, LoadFour) { check_tiles<4, false>(); }
TEST(MatrixTiles, LoadOneTransposed) { check_tiles<1, true>(); }
TEST(MatrixTiles, LoadTwoTransposed) { check_tiles<2, true>(); }
TEST(MatrixTiles, LoadFourTransposed) { check_tiles<4, true>(); }

// Rows `pitch` bytes apart.
struct LoadRows {
  struct Params {
    uint32_t pitch;
  };
  static constexpr int kThreads = 32, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    for (uint32_t i = static_cast<uint32_t>(m.lane()); i < m.shared_bytes() / 16; i += 32)
      m.store(Shared{16 * i}, Vec16{});
    m.sync_warp();
    uint32_t r[1];
    m.load_matrix(r, Shared{p.pitch * static_cast<uint32_t>(m.lane() % 8)});
  }
};

TEST(MatrixTiles, CountsBankConflicts) {
  EmulatedDevice device;
  const auto conflicts = [&](uint32_t pitch) {
    return emulate<LoadRows>(device, {{1, 1, 1}, 32, 4096}, {pitch}).bank_conflicts;
  };
  EXPECT_EQ(conflicts(16), 0u);
  EXPECT_EQ(conflicts(144), 0u);  // 128 + 16
  EXPECT_EQ(conflicts(32), 1u);   // rows 0 and 4 meet, 1 and 5, ...
  EXPECT_EQ(conflicts(64), 3u);
  EXPECT_EQ(conflicts(128), 7u);  // all eight meet
  EXPECT_EQ(conflicts(0), 0u);    // one row, read once
}

// d = c + a b for matrices in global memory, through the fragment maps as the PTX ISA gives them for mma.m16n8k16
// (section "Matrix fragments for mma.m16n8k16 with floating point type") and mma.m16n8k8.
template <class E, int Depth>
struct Product {
  struct Params {
    const E* a;      // [16, Depth]
    const E* b;      // [Depth, 8]
    const float* c;  // [16, 8]
    float* d;
  };
  static constexpr int kThreads = 32, kBlocksPerSm = 1;
  template <class M>
  static void run(M& m, const Params& p) {
    const int group = m.lane() >> 2, in_group = m.lane() % 4;
    const auto a_pair = [&](int i) {  // elements a_i, a_i+1
      const int row = i < 2 || (i >= 4 && i < 6) ? group : group + 8;
      const int column = in_group * 2 + (i & 1) + (i >= 4 ? 8 : 0);
      return m.load(p.a + row * Depth + column).bits |
             static_cast<uint32_t>(m.load(p.a + row * Depth + column + 1).bits) << 16;
    };
    const auto b_pair = [&](int i) {
      const int row = in_group * 2 + (i & 1) + (i >= 2 ? 8 : 0), column = group;
      return m.load(p.b + row * 8 + column).bits | static_cast<uint32_t>(m.load(p.b + (row + 1) * 8 + column).bits)
                                                       << 16;
    };
    const auto c_at = [&](int i) { return (i < 2 ? group : group + 8) * 8 + in_group * 2 + (i & 1); };
    float d[4];
    for (int i = 0; i < 4; ++i) d[i] = m.load(p.c + c_at(i));
    if constexpr (Depth == 16) {
      const uint32_t a[4] = {a_pair(0), a_pair(2), a_pair(4), a_pair(6)}, b[2] = {b_pair(0), b_pair(2)};
      m.template mma_k16<E>(d, a, b);
    } else {
      const uint32_t a[2] = {a_pair(0), a_pair(2)};
      m.template mma_k8<E>(d, a, b_pair(0));
    }
    for (int i = 0; i < 4; ++i) m.store(p.d + c_at(i), d[i]);
  }
};

template <class E, int Depth>
void check_product() {
  EmulatedDevice device;
  DeviceBuffer<E> a(device, 16 * Depth), b(device, Depth * 8);
  DeviceBuffer<float> c(device, 16 * 8), d(device, 16 * 8);
  // Small integers: every sum is exact, and no two rows, columns or depths are alike.
  std::vector<double> a_values, b_values, c_values;
  for (int row = 0; row < 16; ++row) {
    for (int k = 0; k < Depth; ++k) a_values.push_back((row * 7 + k * 5) % 23 - 11);
  }
  for (int k = 0; k < Depth; ++k) {
    for (int column = 0; column < 8; ++column) b_values.push_back((k * 3 + column * 11) % 19 - 9);
  }
  for (int i = 0; i < 128; ++i) c_values.push_back(i);
  a.upload_values(a_values);
  b.upload_values(b_values);
  c.upload_values(c_values);
  const EmulationReport report =
      emulate<Product<E, Depth>>(device, {{1, 1, 1}, 32, 0}, {a.data(), b.data(), c.data(), d.data()});
  EXPECT_EQ(report.matrix_products, 1u);
  for (size_t row = 0; row < 16; ++row) {
    for (size_t column = 0; column < 8; ++column) {
      double want = c_values[row * 8 + column];
      for (size_t k = 0; k < Depth; ++k) want += a_values[row * Depth + k] * b_values[k * 8 + column];
      EXPECT_EQ(d.values()[row * 8 + column], want) << row << ", " << column;
    }
  }
}
TEST(MatrixTiles, ProductBf16) { check_product<Bf16, 16>(); }
TEST(MatrixTiles, ProductFp16) { check_product<Fp16, 16>(); }
TEST(MatrixTiles, ProductBf16OfDepth8) { check_product<Bf16, 8>(); }
TEST(MatrixTiles, ProductFp16OfDepth8) { check_product<Fp16, 8>(); }

TEST(MatrixTiles, SumsAreFp32InOrderOfDepth) {
  EmulatedDevice device;
  DeviceBuffer<Fp16> a(device, 16 * 8), b(device, 8 * 8);
  DeviceBuffer<float> c(device, 16 * 8), d(device, 16 * 8);
  std::vector<double> a_values(128, 0.0), c_values(128, 0x1p24);
  a_values[0] = a_values[1] = 1;  // 2^24 + 1 + 1 stays 2^24 when each sum is rounded to nearest even
  a_values[8] = 2;                // 2^24 + 2 does not
  a.upload_values(a_values);
  b.upload_values(std::vector<double>(64, 1.0));
  c.upload_values(c_values);
  emulate<Product<Fp16, 8>>(device, {{1, 1, 1}, 32, 0}, {a.data(), b.data(), c.data(), d.data()});
  EXPECT_EQ(d.values()[0], 0x1p24);
  EXPECT_EQ(d.values()[8], 0x1p24 + 2);
}

}  // namespace
}  // namespace dermis::testing
