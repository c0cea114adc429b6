// The statistics of every row (params.h): its log-sum-exp in powers of two, and delta = sum over D of grad_o * o, which
// the softmax takes off the gradient of every weight of the row.
#pragma once

#include "kernels/attention/device/backward_scores.h"

namespace dermis {

// Eight lanes and more read a row, 16 bytes each. Block b: head b % H, the tokens of chunk b / H.
template <class E, int D>
struct AttentionRowStatistics {
  using Params = BackwardKernelParams<E>;
  static constexpr int kThreads = 256, kBlocksPerSm = 4;
  static constexpr uint32_t kSharedBytes = 0;
  static constexpr int kLanes = D < 128 ? 8 : D / 8;  // of a row; a power of two
  static constexpr int kTokens = kThreads / kLanes;   // of a block

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const int head = m.block(0) % p.H, token = m.block(0) / p.H * kTokens + m.thread() / kLanes;
    const int lane = m.thread() % kLanes;
    float sum = 0;
    if (token < p.T) {
      const E *o = p.o.row(token, head), *grad_o = p.grad_o.row(token, head);
      DERMIS_UNROLL
      for (int chunk = lane; chunk < D / 8; chunk += kLanes) sum += dot(m, o + 8 * chunk, grad_o + 8 * chunk);
    }
    DERMIS_UNROLL
    for (int mask = kLanes / 2; mask > 0; mask /= 2) sum += m.shuffle_xor(sum, mask);
    if (lane == 0 && token < p.T) store(m, p, token, head, sum);
  }

 private:
  template <class M>
  DERMIS_DEVICE static void store(M& m, const Params& p, int token, int head, float delta) {
    const int group = p.group.divisor, key_head = p.group.quotient(head);
    const int flat = token * group + head - key_head * group, rows = p.T * group;
    RowStatistics* statistics = statistics_of(p, key_head);
    m.store(statistics + flat, RowStatistics{m.load(p.lse + int64_t{head} * p.T + token) * kLog2E, delta});
    if (flat == rows - 1 && rows % 2 == 1) m.store(statistics + rows, RowStatistics{0, 0});
  }

  template <class M>
  DERMIS_DEVICE static float dot(M& m, const E* a, const E* b) {
    const Vec16 a_words = m.load(reinterpret_cast<const Vec16*>(a)),
                b_words = m.load(reinterpret_cast<const Vec16*>(b));
    float sum = 0;
    DERMIS_UNROLL
    for (int i = 0; i < 4; ++i) {
      float a_low, a_high, b_low, b_high;
      m.template unpack<E>(a_words.word[i], a_low, a_high);
      m.template unpack<E>(b_words.word[i], b_low, b_high);
      sum = m.fma(a_high, b_high, m.fma(a_low, b_low, sum));
    }
    return sum;
  }
};

}  // namespace dermis
