// grad_q of one tile of flat query rows (params.h): a block owns the rows, and the keys and values that any of them
// sees stream past.
//
//   weights = exp(q k^T scale - lse)      grad_scores = weights * (grad_o v^T - delta)      grad_q += grad_scores k
//
// The sums of the first two products are, multiplied and rounded, the A operand of the third. For D = 256 one warp
// cannot keep q, grad_o and grad_q in registers, so warps come in pairs that own the same rows: one has q and makes
// weights, the other has grad_o and makes their gradients. Each hands half of its keys over, finishes the other half,
// and sums its own half of grad_q, which are added at the end.
#pragma once

#include "kernels/attention/device/backward_scores.h"
#include "kernels/attention/device/backward_shape.h"
#include "kernels/attention/device/backward_stream.h"
#include "kernels/attention/device/backward_strips.h"

namespace dermis {

template <class E, int D, bool Softcap>
struct AttentionRowsGradient {
  using Params = BackwardKernelParams<E>;
  static constexpr BackwardShape kShape = rows_gradient_shape(D);
  static constexpr int kThreads = kShape.threads(), kBlocksPerSm = kShape.blocks_per_sm, kOwned = kShape.owned();

  // Shared memory: two stages, each a tile of keys and one of values; the plan of the block; for pairs, what they hand
  // over. At the end the stages take one half of grad_q.
  using StreamTile = Tile<E, kShape.stream, D>;
  static constexpr uint32_t kValuesAt = StreamTile::kBytes, kStageBytes = 2 * StreamTile::kBytes,
                            kPlanAt = 2 * kStageBytes, kHandoverAt = kPlanAt + kPlanBytes;
  static constexpr uint32_t kSharedBytes = kHandoverAt + (kShape.paired ? kOwned * kShape.step * 4 : 0);
  static_assert(kSharedBytes <= kSharedLimit);
  static_assert(!kShape.paired || (kShape.strips == 1 && kShape.step == kShape.stream), "one hand-over a stage");
  static_assert(!kShape.paired || kOwned * D * 4 <= 2 * kStageBytes);

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    plan_block(m, p);
    Warp<M> warp(m, p);
    stream_tiles<kStream, kStageBytes, Plan>(m, warp);
    warp.finish();
  }

 private:
  static constexpr int kStrips = kShape.strips, kStream = kShape.stream, kStep = kShape.step;
  static constexpr int kOwners = kOwned / (16 * kStrips);  // warps that own different rows
  static constexpr int kHeld = kShape.paired ? 1 : 2;      // operands in a warp's registers
  // What a held operand makes: the role of a warp, for pairs, otherwise its index.
  static constexpr int kWeights = 0, kGradients = 1;
  static constexpr int kHalf = kStep / 2;  // keys that one warp of a pair finishes

  using Plan = BlockPlan<kPlanAt>;

  // The block streams all keys that any of its rows sees; in between are those that all of them see.
  template <class M>
  DERMIS_DEVICE static void plan_block(M& m, const Params& p) {
    const int first_row = m.load(p.row_tile_order + m.block(0) / p.G) * kOwned;
    const int last_row = smaller(first_row + kOwned, p.T * p.group.divisor) - 1;
    const VisibleRange first = visible_to(m, p, first_row), last = visible_to(m, p, last_row);
    Plan::store(m, {first.begin, last.end(), last.begin, first.end()}, {first_row, m.block(0) % p.G});
  }
  // Keys that a flat row sees.
  template <class M>
  DERMIS_DEVICE static VisibleRange visible_to(M& m, const Params& p, int row) {
    const int token = p.group.quotient(row);
    return VisibleRange::between(m.load(p.visible.lo + token), m.load(p.visible.hi + token));
  }

  template <class M>
  struct Warp {
    M& m;
    const Params& p;
    const WeightRule<Softcap> rule;
    const int role;
    QueryFragments<E, D, kStrips> own[kHeld];  // q for weights, grad_o for their gradients
    float statistics[kHeld][kStrips][2];       // log2 of the softmax denominator for weights, delta for gradients
    float sums[kStrips][D / 8][4] = {};

    DERMIS_DEVICE Warp(M& m, const Params& p)
        : m(m),
          p(p),
          rule(WeightRule<Softcap>::of(m, p.scale, p.softcap)),
          role(kShape.paired ? m.warp() / kOwners : 0) {
      const RowStatistics* rows = statistics_of(p, Plan::place(m).key_head);
      DERMIS_UNROLL
      for (int held = 0; held < kHeld; ++held) {
        const bool of_weights = held + role == kWeights;
        const TokenHeads<const E> operand = of_weights ? p.q : p.grad_o;
        DERMIS_UNROLL
        for (int i = 0; i < kStrips; ++i) {
          load_strip(m, own[held], i, rows_of(operand, i));
          DERMIS_UNROLL
          for (int half = 0; half < 2; ++half) {
            const int row = first_row(i) + 8 * half + m.lane() / 4;
            const RowStatistics of_row = row < row_count() ? m.load(rows + row) : RowStatistics{};
            statistics[held][i][half] = of_weights ? of_row.lse2 : of_row.delta;
          }
        }
      }
    }

    DERMIS_DEVICE int owner() const { return m.thread() / kWarpSize % kOwners; }
    DERMIS_DEVICE int first_row(int strip) const { return Plan::place(m).first + (owner() * kStrips + strip) * 16; }
    DERMIS_DEVICE int row_count() const { return p.T * p.group.divisor; }
    template <class X>
    DERMIS_DEVICE auto rows_of(const TokenHeads<X>& x, int strip) const {
      const FlatRows rows = FlatRows::of(p, Plan::place(m).key_head);
      const int first = first_row(strip), count = row_count() - first;
      return [=](int row) { return row < count ? rows.row(x, first + row) : nullptr; };
    }

    DERMIS_DEVICE void copy(uint32_t stage, int first, int end) {
      const StreamTile keys{Shared{stage}}, values{Shared{stage + kValuesAt}};
      const int key_head = Plan::place(m).key_head;
      keys.template copy_rows_async<kThreads>(m, end - first, [&](int row) { return p.k.row(first + row, key_head); });
      values.template copy_rows_async<kThreads>(m, end - first,
                                                [&](int row) { return p.v.row(first + row, key_head); });
      m.commit();
    }

    template <bool Masked>
    DERMIS_DEVICE void multiply(uint32_t stage, int first, int end) {
      VisibleRange sees[kStrips][2];  // of the thread's rows, two of each strip
      if constexpr (Masked) {
        DERMIS_UNROLL
        for (int i = 0; i < 2 * kStrips; ++i) {
          const int row = first_row(i / 2) + 8 * (i % 2) + m.lane() / 4;
          sees[i / 2][i % 2] = visible_to(m, p, smaller(row, row_count() - 1));
        }
      }
      DERMIS_NO_UNROLL
      for (int at = 0; at < kStream; at += kStep) {
        if (Masked && first + at >= end) break;
        if constexpr (kShape.paired) {
          step_of_pair<Masked>(stage, first, sees[0]);
        } else {
          step<Masked>(stage, first, at, sees);
        }
      }
    }

    template <bool Masked>
    DERMIS_DEVICE void step(uint32_t stage, int first, int at, const VisibleRange (&sees)[kStrips][2]) {
      const StreamTile keys = StreamTile{Shared{stage}}.from_row(at),
                       values = StreamTile{Shared{stage + kValuesAt}}.from_row(at);
      float scores[kStrips][kStep / 8][4] = {}, grads[kStrips][kStep / 8][4] = {};
      strip_scores<E, D, kStep>(m, own[kWeights], keys, scores);
      strip_scores<E, D, kStep>(m, own[kGradients], values, grads);
      DERMIS_UNROLL
      for (int i = 0; i < kStrips; ++i) {
        DERMIS_UNROLL
        for (int n = 0; n < kStep / 8; ++n) {
          DERMIS_UNROLL
          for (int e = 0; e < 4; ++e) {
            const bool visible = !Masked || sees[i][e / 2].holds(first + at + 8 * n + 2 * (m.lane() % 4) + e % 2);
            const float weight = rule(m, scores[i][n][e], statistics[kWeights][i][e / 2]).sloped;
            grads[i][n][e] = visible ? weight * (grads[i][n][e] - statistics[kGradients][i][e / 2]) : 0.0f;
          }
        }
      }
      uint32_t factors[kStep / 16][kStrips][4];
      round_weights<E, kStep>(m, grads, factors);
      strip_accumulate<E, D, kStep>(m, factors, keys, sums);
    }

    template <bool Masked>
    DERMIS_DEVICE void step_of_pair(uint32_t stage, int first, const VisibleRange (&sees)[2]) {
      const StreamTile keys{Shared{stage}}, scored{Shared{stage + (role == kWeights ? 0 : kValuesAt)}};
      const int begin_mine = role * kHalf, begin_other = kHalf - begin_mine;
      float other[1][kHalf / 8][4] = {}, mine[1][kHalf / 8][4] = {};
      strip_scores<E, D, kHalf>(m, own[0], scored.from_row(begin_other), other);
      finish_half<Masked>(other[0], first + begin_other, sees);
      DERMIS_UNROLL
      for (int n = 0; n < kHalf / 8; ++n) {
        Fragment handed;
        DERMIS_UNROLL
        for (int e = 0; e < 4; ++e) handed.value[e] = other[0][n][e];
        m.store(handover(role, n), handed);
      }
      strip_scores<E, D, kHalf>(m, own[0], scored.from_row(begin_mine), mine);
      finish_half<Masked>(mine[0], first + begin_mine, sees);
      m.sync();
      DERMIS_UNROLL
      for (int n = 0; n < kHalf / 8; ++n) {
        const Fragment handed = m.template load<Fragment>(handover(1 - role, n));
        DERMIS_UNROLL
        for (int e = 0; e < 4; ++e) mine[0][n][e] *= handed.value[e];
      }
      uint32_t factors[kHalf / 16][1][4];
      round_weights<E, kHalf>(m, mine, factors);
      strip_accumulate<E, D, kHalf>(m, factors, keys.from_row(begin_mine), sums);
    }

    // Scores become weights, or gradients of weights lose delta.
    template <bool Masked>
    DERMIS_DEVICE void finish_half(float (&x)[kHalf / 8][4], int first_key, const VisibleRange (&sees)[2]) {
      DERMIS_UNROLL
      for (int n = 0; n < kHalf / 8; ++n) {
        DERMIS_UNROLL
        for (int e = 0; e < 4; ++e) {
          if (role == kWeights) {
            const bool visible = !Masked || sees[e / 2].holds(first_key + 8 * n + 2 * (m.lane() % 4) + e % 2);
            const float weight = rule(m, x[n][e], statistics[0][0][e / 2]).sloped;
            x[n][e] = visible ? weight : 0.0f;
          } else {
            x[n][e] -= statistics[0][0][e / 2];
          }
        }
      }
    }
    DERMIS_DEVICE Shared handover(int from, int n) const {
      return {kHandoverAt + fragment_at((owner() * 2 + from) * (kHalf / 8) + n)};
    }
    DERMIS_DEVICE uint32_t fragment_at(int fragment) const {
      return static_cast<uint32_t>(fragment * kWarpSize + m.lane()) * 16;
    }

    DERMIS_DEVICE void finish() {
      if constexpr (kShape.paired) {
        add_halves();
        if (role != kWeights) return;
      }
      DERMIS_UNROLL
      for (int i = 0; i < kStrips; ++i) {
        store_strip<E, D>(m, sums[i], p.scale, rows_of(p.grad_q, i));
      }
    }
    DERMIS_DEVICE void add_halves() {
      m.sync();  // everyone is done with the stages
      if (role != kWeights) {
        DERMIS_UNROLL
        for (int n = 0; n < D / 8; ++n) {
          Fragment half;
          DERMIS_UNROLL
          for (int e = 0; e < 4; ++e) half.value[e] = sums[0][n][e];
          m.store(Shared{fragment_at(owner() * (D / 8) + n)}, half);
        }
      }
      m.sync();
      if (role == kWeights) {
        DERMIS_UNROLL
        for (int n = 0; n < D / 8; ++n) {
          const Fragment half = m.template load<Fragment>(Shared{fragment_at(owner() * (D / 8) + n)});
          DERMIS_UNROLL
          for (int e = 0; e < 4; ++e) sums[0][n][e] += half.value[e];
        }
      }
    }
  };
};

}  // namespace dermis
