// grad_k and grad_v of one tile of keys of one key/value head: a block owns the keys, and all query rows that see any
// of them stream past, those of all heads of the group, so that both gradients stay in registers until they are done.
//
//   weights^T = exp(k q^T scale - lse)                    grad_v += weights^T grad_o
//   grad_scores^T = weights^T * (v grad_o^T - delta)      grad_k += grad_scores^T q
//
// Scores are computed transposed, keys as rows of the product: then the sums of the first products are, rounded, the A
// operands of the second ones, and no weight passes through shared memory. For D = 256 both gradients do not fit into
// one warp's registers, so warps come in pairs that own the same keys: one has the keys and makes weights and grad_v,
// the other has the values and makes gradients of scores and grad_k. The weights are handed over.
#pragma once

#include "kernels/attention/device/backward_scores.h"
#include "kernels/attention/device/backward_shape.h"
#include "kernels/attention/device/backward_stream.h"
#include "kernels/attention/device/backward_strips.h"

namespace dermis {

template <class E, int D, bool Softcap>
struct AttentionKeysGradient {
  using Params = BackwardKernelParams<E>;
  static constexpr BackwardShape kShape = keys_gradient_shape(D);
  static constexpr int kThreads = kShape.threads(), kBlocksPerSm = kShape.blocks_per_sm, kOwned = kShape.owned();

  // Shared memory: two stages, each a tile of q, one of grad_o, and the statistics of their rows; the plan of the
  // block; for pairs, the weights that are handed over.
  using StreamTile = Tile<E, kShape.stream, D>;
  static constexpr uint32_t kGradAt = StreamTile::kBytes, kStatisticsAt = 2 * StreamTile::kBytes,
                            kStageBytes = kStatisticsAt + kShape.stream * sizeof(RowStatistics),
                            kPlanAt = 2 * kStageBytes, kHandoverAt = kPlanAt + kPlanBytes;
  static constexpr uint32_t kSharedBytes = kHandoverAt + (kShape.paired ? kOwned * kShape.step * 4 : 0);
  static_assert(kSharedBytes <= kSharedLimit && kShape.stream <= 2 * kThreads);
  static_assert(!kShape.paired || (kShape.strips == 1 && kShape.step == kShape.stream), "one hand-over a stage");

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    plan_block(m, p);
    Warp<M> warp(m, p);
    stream_tiles<kStream, kStageBytes, Plan>(m, warp);
    warp.finish();
  }

 private:
  static constexpr int kStrips = kShape.strips, kStream = kShape.stream, kStep = kShape.step;
  static constexpr int kOwners = kOwned / (16 * kStrips);  // warps that own different keys
  static constexpr int kHeld = kShape.paired ? 1 : 2;      // gradients in a warp's registers
  // What a held gradient is of: the role of a warp, for pairs, otherwise its index.
  static constexpr int kOfValues = 0, kOfKeys = 1;

  using Plan = BlockPlan<kPlanAt>;

  // The block streams all rows that see any of its keys, from an even one on; in between are those that see all.
  template <class M>
  DERMIS_DEVICE static void plan_block(M& m, const Params& p) {
    const int first_key = m.load(p.key_tile_order + m.block(0) / p.G) * kOwned;
    const int last_key = smaller(first_key + kOwned, p.S) - 1;
    const VisibleRange first = seen(m, p, first_key), last = seen(m, p, last_key);
    Plan::store(m, {first.begin / 2 * 2, last.end(), last.begin, first.end()}, {first_key, m.block(0) % p.G});
  }
  // Flat rows that see a key.
  template <class M>
  DERMIS_DEVICE static VisibleRange seen(M& m, const Params& p, int key) {
    return VisibleRange::between(m.load(p.visible.seen_from + key) * p.group.divisor,
                                 m.load(p.visible.seen_to + key) * p.group.divisor);
  }

  template <class M>
  struct Warp {
    M& m;
    const Params& p;
    const WeightRule<Softcap> rule;
    const int role;
    QueryFragments<E, D, kStrips> own[kHeld];  // keys for the gradient of values, values for that of keys
    float sums[kHeld][kStrips][D / 8][4] = {};

    DERMIS_DEVICE Warp(M& m, const Params& p)
        : m(m),
          p(p),
          rule(WeightRule<Softcap>::of(m, p.scale, p.softcap)),
          role(kShape.paired ? m.warp() / kOwners : 0) {
      DERMIS_UNROLL
      for (int held = 0; held < kHeld; ++held) {
        const TokenHeads<const E> operand = held + role == kOfValues ? p.k : p.v;
        DERMIS_UNROLL
        for (int i = 0; i < kStrips; ++i) load_strip(m, own[held], i, rows_of(operand, i));
      }
    }

    DERMIS_DEVICE int owner() const { return m.thread() / kWarpSize % kOwners; }
    DERMIS_DEVICE int first_key(int strip) const { return Plan::place(m).first + (owner() * kStrips + strip) * 16; }
    template <class X>
    DERMIS_DEVICE auto rows_of(const TokenHeads<X>& x, int strip) const {
      const int first = first_key(strip), count = p.S - first;
      X* at = x.row(first, Plan::place(m).key_head);
      return [=, stride = x.token_stride](int row) { return row < count ? at + row * stride : nullptr; };
    }

    DERMIS_DEVICE void copy(uint32_t stage, int first, int end) {
      const StreamTile q{Shared{stage}}, grad_o{Shared{stage + kGradAt}};
      const int key_head = Plan::place(m).key_head, count = end - first;
      const FlatRows rows = FlatRows::of(p, key_head);
      q.template copy_rows_async<kThreads>(m, count, [&](int row) { return rows.row(p.q, first + row); });
      grad_o.template copy_rows_async<kThreads>(m, count, [&](int row) { return rows.row(p.grad_o, first + row); });
      if (const int row = 2 * m.thread(); row < kStream) {
        m.copy_async16(statistics_at(stage, row), statistics_of(p, key_head) + first + row, row < count);
      }
      m.commit();
    }

    template <bool Masked>
    DERMIS_DEVICE void multiply(uint32_t stage, int first, int end) {
      VisibleRange visible[kStrips][2];  // to the thread's keys, two of each strip
      if constexpr (Masked) {
        DERMIS_UNROLL
        for (int i = 0; i < 2 * kStrips; ++i) {
          const int key = first_key(i / 2) + 8 * (i % 2) + m.lane() / 4;
          visible[i / 2][i % 2] = key < p.S ? seen(m, p, key) : VisibleRange{};
        }
      }
      DERMIS_NO_UNROLL
      for (int at = 0; at < kStream; at += kStep) {
        if (Masked && first + at >= end) break;
        if constexpr (kShape.paired) {
          step_of_pair<Masked>(stage, first, visible[0]);
        } else {
          step<Masked>(stage, first, at, visible);
        }
      }
    }

    template <bool Masked>
    DERMIS_DEVICE void step(uint32_t stage, int first, int at, const VisibleRange (&visible)[kStrips][2]) {
      const StreamTile q = StreamTile{Shared{stage}}.from_row(at),
                       grad_o = StreamTile{Shared{stage + kGradAt}}.from_row(at);
      float weights[kStrips][kStep / 8][4] = {}, grads[kStrips][kStep / 8][4] = {};
      strip_scores<E, D, kStep>(m, own[kOfKeys], grad_o, grads);
      strip_scores<E, D, kStep>(m, own[kOfValues], q, weights);
      DERMIS_UNROLL
      for (int n = 0; n < kStep / 8; ++n) {
        const int row = at + 8 * n + 2 * (m.lane() % 4);
        const TwoRowStatistics of = statistics(stage, row);
        DERMIS_UNROLL
        for (int i = 0; i < kStrips; ++i) {
          DERMIS_UNROLL
          for (int e = 0; e < 4; ++e) {
            const bool sees = !Masked || visible[i][e / 2].holds(first + row + e % 2);
            const AttentionWeight weight = rule(m, weights[i][n][e], of.row[e % 2].lse2);
            weights[i][n][e] = sees ? weight.weight : 0.0f;
            grads[i][n][e] = sees ? weight.sloped * (grads[i][n][e] - of.row[e % 2].delta) : 0.0f;
          }
        }
      }
      uint32_t factors[kStep / 16][kStrips][4];
      round_weights<E, kStep>(m, weights, factors);
      strip_accumulate<E, D, kStep>(m, factors, grad_o, sums[kOfValues]);
      round_weights<E, kStep>(m, grads, factors);
      strip_accumulate<E, D, kStep>(m, factors, q, sums[kOfKeys]);
    }

    template <bool Masked>
    DERMIS_DEVICE void step_of_pair(uint32_t stage, int first, const VisibleRange (&visible)[2]) {
      const StreamTile scored{Shared{stage + (role == kOfValues ? 0 : kGradAt)}};
      const StreamTile summed{Shared{stage + (role == kOfValues ? kGradAt : 0)}};
      float x[1][kStep / 8][4] = {};
      strip_scores<E, D, kStep>(m, own[0], scored, x);
      if (role == kOfValues) {
        DERMIS_UNROLL
        for (int n = 0; n < kStep / 8; ++n) {
          const int row = 8 * n + 2 * (m.lane() % 4);
          const TwoRowStatistics of = statistics(stage, row);
          Fragment handed;
          DERMIS_UNROLL
          for (int e = 0; e < 4; ++e) {
            const bool sees = !Masked || visible[e / 2].holds(first + row + e % 2);
            const AttentionWeight weight = rule(m, x[0][n][e], of.row[e % 2].lse2);
            x[0][n][e] = sees ? weight.weight : 0.0f;
            handed.value[e] = sees ? weight.sloped : 0.0f;
          }
          m.store(handover(n), handed);
        }
      }
      m.sync();
      if (role == kOfKeys) {
        DERMIS_UNROLL
        for (int n = 0; n < kStep / 8; ++n) {
          const TwoRowStatistics of = statistics(stage, 8 * n + 2 * (m.lane() % 4));
          const Fragment handed = m.template load<Fragment>(handover(n));
          DERMIS_UNROLL
          for (int e = 0; e < 4; ++e) x[0][n][e] = handed.value[e] * (x[0][n][e] - of.row[e % 2].delta);
        }
      }
      uint32_t factors[kStep / 16][1][4];
      round_weights<E, kStep>(m, x, factors);
      strip_accumulate<E, D, kStep>(m, factors, summed, sums[0]);
    }

    DERMIS_DEVICE static Shared statistics_at(uint32_t stage, int row) {
      return {stage + kStatisticsAt + static_cast<uint32_t>(row) * static_cast<uint32_t>(sizeof(RowStatistics))};
    }
    DERMIS_DEVICE TwoRowStatistics statistics(uint32_t stage, int row) const {
      return m.template load<TwoRowStatistics>(statistics_at(stage, row));
    }
    DERMIS_DEVICE Shared handover(int n) const {
      return {kHandoverAt + static_cast<uint32_t>((owner() * (kStep / 8) + n) * kWarpSize + m.lane()) * 16};
    }

    DERMIS_DEVICE void finish() const {
      DERMIS_UNROLL
      for (int held = 0; held < kHeld; ++held) {
        const bool of_values = held + role == kOfValues;
        const TokenHeads<E> gradient = of_values ? p.grad_v : p.grad_k;
        DERMIS_UNROLL
        for (int i = 0; i < kStrips; ++i) {
          store_strip<E, D>(m, sums[held][i], of_values ? 1.0f : p.scale, rows_of(gradient, i));
        }
      }
    }
  };
};

}  // namespace dermis
