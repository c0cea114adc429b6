// One small kernel for every primitive of kernels/machine/machine.h, to be run on a GPU and in the emulator: words in,
// words out. Every word of the output is written.
#pragma once

#include <tuple>

#include "kernels/attention/device/tile.h"
#include "kernels/machine/machine.h"

namespace dermis::probes {

struct ProbeParams {
  const uint32_t* in = nullptr;
  uint32_t* out = nullptr;
  uint32_t* counter = nullptr;  // one word of zero
};

struct Probe {
  using Params = ProbeParams;
  static constexpr int kThreads = 32, kBlocksPerSm = 1, kBlocks = 1;
  static constexpr uint32_t kSharedBytes = 0;
};

template <class M>
DERMIS_DEVICE float float_in(M& m, const ProbeParams& p, int index) {
  return m.load(reinterpret_cast<const float*>(p.in) + index);
}
template <class M>
DERMIS_DEVICE void float_out(M& m, const ProbeParams& p, int index, float value) {
  m.store(reinterpret_cast<float*>(p.out) + index, value);
}

// in: 32 rows of 16 bytes, which lie permuted in shared memory; out: what each lane gets.
template <int N, bool Transposed>
struct LoadMatrixProbe : Probe {
  static constexpr uint32_t kSharedBytes = 512;
  static constexpr int kIn = 128, kOut = 32 * N;
  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const int lane = m.lane();
    const Shared row = Shared{static_cast<uint32_t>((lane * 5 + 3) % 32 * 16)};
    m.store(row, m.load(reinterpret_cast<const Vec16*>(p.in) + lane));
    m.sync_warp();
    uint32_t r[N];
    if constexpr (Transposed) {
      m.load_matrix_transposed(r, row);
    } else {
      m.load_matrix(r, row);
    }
    DERMIS_UNROLL
    for (int i = 0; i < N; ++i) m.store(p.out + lane * N + i, r[i]);
  }
};

// in, a round: d[4] as floats, a[4 or 2], b[2 or 1] of every lane; out: d.
template <class E, int Depth>
struct ProductProbe : Probe {
  static constexpr int kRounds = 32, kA = Depth / 4, kB = Depth / 8, kWords = 4 + kA + kB;
  static constexpr int kIn = kRounds * 32 * kWords, kOut = kRounds * 32 * 4;
  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    DERMIS_NO_UNROLL
    for (int round = 0; round < kRounds; ++round) {
      const int first = (round * 32 + m.lane()) * kWords;
      float d[4];
      uint32_t a[kA], b[kB];
      DERMIS_UNROLL
      for (int i = 0; i < 4; ++i) d[i] = float_in(m, p, first + i);
      DERMIS_UNROLL
      for (int i = 0; i < kA; ++i) a[i] = m.load(p.in + first + 4 + i);
      DERMIS_UNROLL
      for (int i = 0; i < kB; ++i) b[i] = m.load(p.in + first + 4 + kA + i);
      if constexpr (Depth == 16) {
        m.template mma_k16<E>(d, a, b);
      } else {
        m.template mma_k8<E>(d, a, b[0]);
      }
      DERMIS_UNROLL
      for (int i = 0; i < 4; ++i) float_out(m, p, (round * 32 + m.lane()) * 4 + i, d[i]);
    }
  }
};

// Four groups of copies, some of them of nothing; read by other threads when half of the groups, then all are there.
struct CopyProbe : Probe {
  static constexpr int kThreads = 128, kGroups = 4;
  static constexpr uint32_t kSharedBytes = kGroups * kThreads * 16;
  static constexpr int kIn = kGroups * kThreads * 4, kOut = kIn;
  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const auto slot = [&](int group, int thread) {
      return Shared{static_cast<uint32_t>((group * kThreads + thread) * 16)};
    };
    for (int group = 0; group < kGroups; ++group) m.store(slot(group, m.thread()), Vec16{{~0u, ~0u, ~0u, ~0u}});
    m.sync();
    DERMIS_UNROLL
    for (int group = 0; group < kGroups; ++group) {
      const bool valid = (m.thread() + group) % 3 != 0;
      m.copy_async16(slot(group, m.thread()), p.in + (group * kThreads + m.thread()) * 4, valid);
      m.commit();
    }
    m.template wait<2>();
    m.sync();
    const int other = (m.thread() + 37) % kThreads;
    Vec16* out = reinterpret_cast<Vec16*>(p.out);
    for (int group = 0; group < 2; ++group)
      m.store(out + group * kThreads + m.thread(), m.template load<Vec16>(slot(group, other)));
    m.template wait<0>();
    m.sync();
    for (int group = 2; group < kGroups; ++group)
      m.store(out + group * kThreads + m.thread(), m.template load<Vec16>(slot(group, other)));
  }
};

struct ExchangeProbe : Probe {
  static constexpr int kIn = 32, kOut = 32 * 8;
  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const uint32_t value = m.load(p.in + m.lane());
    uint32_t* out = p.out + 8 * m.lane();
    for (int bit = 0; bit < 5; ++bit) m.store(out + bit, m.shuffle_xor(value, 1 << bit));
    m.store(out + 5, m.shuffle(value, (m.lane() * 7 + 3) % 32));
    const uint32_t last = m.shuffle(value, 31);
    m.store(out + 6, m.any(value == last && m.lane() == 31) ? 1u : 0u);
    m.store(out + 7, m.any(m.lane() == 32) ? 1u : 0u);
  }
};

// in: 256 floats; out: function by function.
struct MathProbe : Probe {
  static constexpr int kIn = 256, kOut = 5 * 256;
  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    DERMIS_NO_UNROLL
    for (int i = m.lane(); i < kIn; i += 32) {
      const float x = float_in(m, p, i), positive = x < 0 ? -x : x;
      float_out(m, p, i, m.exp2(x));
      float_out(m, p, kIn + i, m.log2(positive));
      float_out(m, p, 2 * kIn + i, m.reciprocal(x));
      float_out(m, p, 3 * kIn + i, m.rsqrt(positive));
      float_out(m, p, 4 * kIn + i, m.fma(x, 1.000001f, -x));
    }
  }
};

// in: 256 floats; out: pairs rounded and packed, halves read back, single numbers rounded.
template <class E>
struct RoundingProbe : Probe {
  static constexpr int kIn = 256, kOut = 4 * 256;
  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    DERMIS_NO_UNROLL
    for (int i = m.lane(); i < kIn; i += 32) {
      const uint32_t both = m.template pack<E>(float_in(m, p, i), float_in(m, p, kIn - 1 - i));
      float low, high;
      m.template unpack<E>(both, low, high);
      m.store(p.out + i, both);
      float_out(m, p, kIn + i, low);
      float_out(m, p, 2 * kIn + i, high);
      m.store(p.out + 3 * kIn + i, static_cast<uint32_t>(m.template from_float<E>(float_in(m, p, i)).bits));
    }
  }
};

// Every width of load and store; in: 32 x 16 bytes.
struct MemoryProbe : Probe {
  static constexpr uint32_t kSharedBytes = 32 * 32;
  static constexpr int kIn = 128, kOut = 32 * 10;
  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const int lane = m.lane();
    const auto* bytes = reinterpret_cast<const uint8_t*>(p.in + 4 * lane);
    const Shared mine{static_cast<uint32_t>(lane * 32)};
    m.store(mine, m.load(reinterpret_cast<const Vec16*>(bytes)));
    m.store(mine + 16, m.load(reinterpret_cast<const uint64_t*>(bytes) + 1));
    m.store(mine + 24, m.load(p.in + 4 * lane + 1));
    m.store(mine + 28, m.load(reinterpret_cast<const uint16_t*>(bytes) + 3));
    m.store(mine + 30, static_cast<uint16_t>(m.load(bytes + 5)));
    m.sync_warp();
    const Shared other{static_cast<uint32_t>((lane + 9) % 32 * 32)};
    uint32_t* out = p.out + 10 * lane;
    const Vec16 vector = m.template load<Vec16>(other);
    for (int i = 0; i < 4; ++i) m.store(out + i, vector.word[i]);
    m.store(reinterpret_cast<uint64_t*>(out + 4), m.template load<uint64_t>(other + 16));
    m.store(out + 6, m.template load<uint32_t>(other + 24));
    m.store(reinterpret_cast<uint16_t*>(out + 7), m.template load<uint16_t>(other + 28));
    m.store(reinterpret_cast<uint16_t*>(out + 7) + 1, m.template load<uint16_t>(other + 30));
    m.store(out + 8, static_cast<uint32_t>(m.blocks(0) * 100 + m.block(0) * 10 + m.warp()));
    m.store(out + 9, m.shared_bytes());
  }
};

// Blocks leave partial results; the last to arrive adds them up, four columns a thread.
struct LastBlockProbe : Probe {
  static constexpr int kThreads = 64, kBlocks = 6;
  static constexpr uint32_t kSharedBytes = 32;
  static constexpr int kIn = kBlocks * kThreads, kOut = kBlocks * kThreads + kThreads + 1;
  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const Shared ticket{0}, threads{16};
    const int mine = m.block(0) * kThreads + m.thread();
    if (m.thread() == 0) m.store(threads, 0u);
    m.store(p.out + mine, m.load(p.in + mine) * 3u);
    m.sync();
    m.add(threads, static_cast<uint32_t>(m.thread()));
    if (m.thread() == 0) {
      m.fence();
      m.store(ticket, m.add(p.counter, 1u));
      m.fence();
    }
    m.sync();
    if (m.template load<uint32_t>(ticket) != kBlocks - 1) return;
    if (m.thread() < kThreads / 4) {
      Vec16 sum = {};
      for (int block = 0; block < kBlocks; ++block) {
        const Vec16 part = m.load_written(reinterpret_cast<const Vec16*>(p.out + block * kThreads) + m.thread());
        for (int i = 0; i < 4; ++i) sum.word[i] += part.word[i];
      }
      m.store(reinterpret_cast<Vec16*>(p.out + kBlocks * kThreads) + m.thread(), sum);
    }
    if (m.thread() == 0) m.store(p.out + kOut - 1, m.template load<uint32_t>(threads));
  }
};

// A tile of queries and one of keys through shared memory, as attention uses them: s = q k^T, then o = round(s / 64) k.
template <class E, int D>
struct TileProbe : Probe {
  static constexpr int kThreads = 64, kQueries = 32, kKeys = 32;
  using Queries = Tile<E, kQueries, D>;
  using Keys = Tile<E, kKeys, D>;
  static constexpr uint32_t kSharedBytes = Queries::kBytes + Keys::kBytes;
  static constexpr int kIn = (kQueries + kKeys) * D / 2, kOut = kQueries * (kKeys + D);
  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const E* in = reinterpret_cast<const E*>(p.in);
    const Queries q{Shared{0}};
    const Keys k{Shared{Queries::kBytes}};
    q.template copy_async<kThreads>(m, in, [&](int row) { return in + row * D; });
    k.template copy_async<kThreads>(m, in, [&](int row) { return row % 7 == 6 ? nullptr : in + (kQueries + row) * D; });
    m.commit();
    m.template wait<0>();
    m.sync();
    const int row = 16 * m.warp();
    float s[kKeys / 8][4] = {}, o[D / 8][4] = {};
    scores<E, D, kKeys>(m, q, row, k, 0, s);
    uint32_t a[kKeys / 16][4];
    DERMIS_UNROLL
    for (int n = 0; n < kKeys / 8; ++n) {
      write(m, p, row, kKeys, 8 * n, 0, s[n]);
      DERMIS_UNROLL
      for (int i = 0; i < 4; ++i) s[n][i] *= 1.0f / 64;
    }
    DERMIS_UNROLL
    for (int n = 0; n < kKeys / 16; ++n) as_a_operand<E>(m, s[2 * n], s[2 * n + 1], a[n]);
    accumulate<E, kKeys, D / 8>(m, a, k, 0, 0, o);
    DERMIS_UNROLL
    for (int n = 0; n < D / 8; ++n) write(m, p, row, D, 8 * n, kQueries * kKeys, o[n]);
  }

 private:
  template <class M>
  DERMIS_DEVICE static void write(M& m, const Params& p, int row, int width, int column, int first,
                                  const float (&d)[4]) {
    const int at = first + (row + m.lane() / 4) * width + column + m.lane() % 4 * 2;
    float_out(m, p, at, d[0]);
    float_out(m, p, at + 1, d[1]);
    float_out(m, p, at + 8 * width, d[2]);
    float_out(m, p, at + 8 * width + 1, d[3]);
  }
};

using AllProbes = std::tuple<LoadMatrixProbe<1, false>, LoadMatrixProbe<2, false>, LoadMatrixProbe<4, false>,
                             LoadMatrixProbe<1, true>, LoadMatrixProbe<2, true>, LoadMatrixProbe<4, true>,
                             ProductProbe<Bf16, 16>, ProductProbe<Bf16, 8>, ProductProbe<Fp16, 16>,
                             ProductProbe<Fp16, 8>, CopyProbe, ExchangeProbe, MathProbe, RoundingProbe<Bf16>,
                             RoundingProbe<Fp16>, MemoryProbe, LastBlockProbe, TileProbe<Bf16, 64>, TileProbe<Bf16, 72>,
                             TileProbe<Bf16, 128>, TileProbe<Bf16, 256>, TileProbe<Fp16, 72>, TileProbe<Fp16, 128>>;

template <class K>
constexpr Launch launch_of() {
  return {{K::kBlocks, 1, 1}, K::kThreads, K::kSharedBytes};
}

}  // namespace dermis::probes
