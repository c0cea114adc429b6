// Bodies of the cross-entropy kernels. A block takes a segment of the vocabulary of one row, a thread kPieces times
// eight columns of it. The first kernel leaves maximum and sum of each segment; every block of the second brings those
// of its row together, in the same order, and turns its own segment into the gradient.
#pragma once

#include <cmath>

#include "kernels/linear_ce/linear_ce_cuda.h"
#include "kernels/machine/functions.h"
#include "kernels/machine/rows.h"

namespace dermis {

template <class E>
struct CrossEntropyShape {
  static constexpr int kThreads = 256, kBlocksPerSm = sizeof(E) == 2 ? 4 : 2;
  static constexpr int kPieces = kCrossEntropySegment / (kThreads * kEight);
  static_assert(kPieces * kThreads * kEight == kCrossEntropySegment);
};

// Sum of e^(x - top) over numbers seen so far, without the label.
struct OnlineSum {
  float top = -INFINITY, sum = 0;

  template <class M>
  DERMIS_DEVICE void add(M& m, float other_top, float other_sum) {
    const float larger = other_top > top ? other_top : top, base = larger == -INFINITY ? 0 : larger;
    sum = sum * m.exp2((top - base) * kLog2E) + other_sum * m.exp2((other_top - base) * kLog2E);
    top = larger;
  }
  // In all lanes.
  template <class M>
  DERMIS_DEVICE void merge_warp(M& m) {
    const float larger = warp_max(m, top), base = larger == -INFINITY ? 0 : larger;
    sum = warp_sum(m, sum * m.exp2((top - base) * kLog2E));
    top = larger;
  }
};

// Where the first kernel leaves what the second needs.
struct CrossEntropyScratch {
  float* sums;   // [segments, 2]
  float* label;  // the label's logit, capped

  DERMIS_DEVICE CrossEntropyScratch(const CrossEntropyParams& p, int64_t row, int segments)
      : sums(p.scratch + row * cross_entropy_scratch(p.vocabulary)), label(sums + 2 * segments) {}
};

DERMIS_HOST_DEVICE constexpr int cross_entropy_segments(int32_t vocabulary) {
  return static_cast<int>(ceil_div(vocabulary, kCrossEntropySegment));
}

template <class E>
struct CrossEntropySumsKernel {
  using Params = CrossEntropyParams;
  using Shape = CrossEntropyShape<E>;
  static constexpr int kThreads = Shape::kThreads, kBlocksPerSm = Shape::kBlocksPerSm, kPieces = Shape::kPieces;
  static constexpr int kWarps = kThreads / kWarpSize;
  static constexpr uint32_t kSharedBytes = kWarps * 2 * sizeof(float);

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const int segments = cross_entropy_segments(p.vocabulary);
    const int row = m.block(0) / segments, segment = m.block(0) % segments;
    const CrossEntropyScratch scratch(p, row, segments);
    const int32_t label = m.load(p.labels + row);
    const Row<const E> logits = Rows<const E>(p.logits, p.vocabulary).row(row);
    const int32_t first = segment * kCrossEntropySegment + m.thread() * kEight;
    Eight<E> raw[kPieces];
    DERMIS_UNROLL
    for (int i = 0; i < kPieces; ++i) raw[i] = logits.load(m, first + i * kThreads * kEight);

    OnlineSum online;
    DERMIS_UNROLL
    for (int i = 0; i < kPieces; ++i) {
      const int32_t column = first + i * kThreads * kEight;
      float x[kEight], top = -INFINITY, sum = 0;
      unpack_eight(m, raw[i], x);
      DERMIS_UNROLL
      for (int k = 0; k < kEight; ++k) {
        if (p.softcap > 0) x[k] = p.softcap * hyperbolic_tangent(m, x[k] * m.reciprocal(p.softcap));
        if (column + k == label) m.store(scratch.label, x[k]);
        if (column + k == label || column + k >= p.vocabulary) x[k] = -INFINITY;
        top = x[k] > top ? x[k] : top;
      }
      const float base = top == -INFINITY ? 0 : top;
      DERMIS_UNROLL
      for (const float v : x) sum += m.exp2((v - base) * kLog2E);
      online.add(m, top, sum);
    }
    online.merge_warp(m);
    const Shared place{static_cast<uint32_t>(m.warp()) * 8};
    if (m.lane() == 0) {
      m.store(place, online.top);
      m.store(place + 4, online.sum);
    }
    m.sync();
    if (m.thread() != 0) return;
    for (uint32_t warp = 1; warp < kWarps; ++warp) {
      online.add(m, m.template load<float>(Shared{warp * 8}), m.template load<float>(Shared{warp * 8 + 4}));
    }
    m.store(scratch.sums + 2 * segment, online.top);
    m.store(scratch.sums + 2 * segment + 1, online.sum);
  }
};

template <class E>
struct CrossEntropyGradientKernel {
  using Params = CrossEntropyParams;
  using Shape = CrossEntropyShape<E>;
  static constexpr uint32_t kSharedBytes = 0;
  static constexpr int kThreads = Shape::kThreads, kBlocksPerSm = Shape::kBlocksPerSm, kPieces = Shape::kPieces;

  // Of a whole row; e^(x - top) of the label and of the others together.
  struct Softmax {
    float top, label, others;
  };

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const int segments = cross_entropy_segments(p.vocabulary), launched = p.with_gradient ? segments : 1;
    const int row = m.block(0) / launched, segment = m.block(0) % launched;
    const CrossEntropyScratch scratch(p, row, segments);
    const float label_logit = m.load(static_cast<const float*>(scratch.label)), scale = m.load(p.scales + row);
    const Softmax softmax = whole_row(m, scratch.sums, segments, label_logit);
    if (segment == 0 && m.thread() == 0) m.store(p.losses + row, scale * loss(m, softmax, label_logit));
    if (!p.with_gradient) return;

    const int32_t label = m.load(p.labels + row);
    const float per_sum = scale * m.reciprocal(softmax.others + softmax.label);
    const float inverse_cap = p.softcap > 0 ? m.reciprocal(p.softcap) : 0;
    const Row<E> logits = Rows<E>(p.logits, p.vocabulary).row(row);
    const int32_t first = segment * kCrossEntropySegment + m.thread() * kEight;
    Eight<E> raw[kPieces];
    DERMIS_UNROLL
    for (int i = 0; i < kPieces; ++i) raw[i] = logits.load_own(m, first + i * kThreads * kEight);
    DERMIS_UNROLL
    for (int i = 0; i < kPieces; ++i) {
      const int32_t column = first + i * kThreads * kEight;
      float x[kEight];
      unpack_eight(m, raw[i], x);
      DERMIS_UNROLL
      for (int k = 0; k < kEight; ++k) {
        float slope = 1;
        if (p.softcap > 0) {
          const float t = hyperbolic_tangent(m, x[k] * inverse_cap);
          x[k] = p.softcap * t;
          slope = m.fma(-t, t, 1);
        }
        const float weight = column + k == label ? -softmax.others : m.exp2((x[k] - softmax.top) * kLog2E);
        x[k] = weight * per_sum * slope;
      }
      logits.store(m, column, x);
    }
  }

 private:
  // The same in every thread of every block of the row.
  template <class M>
  DERMIS_DEVICE static Softmax whole_row(M& m, const float* sums, int segments, float label_logit) {
    OnlineSum online;
    for (int segment = m.lane(); segment < segments; segment += kWarpSize) {
      online.add(m, m.load(sums + 2 * segment), m.load(sums + 2 * segment + 1));
    }
    online.merge_warp(m);
    online.add(m, label_logit, 0);
    return {online.top, m.exp2((label_logit - online.top) * kLog2E), online.sum};
  }

  // -log(label / (label + others)). A label that carries nearly all of the sum has a loss close to zero, whose digits
  // the logarithm of a number close to one would not give: log(1 + ratio) as a series.
  template <class M>
  DERMIS_DEVICE static float loss(M& m, const Softmax& softmax, float label_logit) {
    const float ratio = softmax.others * m.reciprocal(softmax.label);
    if (ratio < 0.0625f) {
      float series = m.fma(ratio, -1.0f / 6, 0.2f);
      series = m.fma(-ratio, series, 0.25f);
      series = m.fma(-ratio, series, 1.0f / 3);
      series = m.fma(-ratio, series, 0.5f);
      return ratio * m.fma(-ratio, series, 1);
    }
    return m.fma(m.log2(softmax.label + softmax.others), kLn2, softmax.top - label_logit);
  }
};

inline Launch cross_entropy_sums_launch(const CrossEntropyParams& p) {
  return {.blocks = {static_cast<uint32_t>(p.rows * cross_entropy_segments(p.vocabulary)), 1, 1},
          .threads = CrossEntropyShape<float>::kThreads,
          .shared_bytes = CrossEntropySumsKernel<float>::kSharedBytes};
}
inline Launch cross_entropy_gradient_launch(const CrossEntropyParams& p) {
  const int64_t launched = p.with_gradient ? cross_entropy_segments(p.vocabulary) : 1;
  return {.blocks = {static_cast<uint32_t>(p.rows * launched), 1, 1}, .threads = CrossEntropyShape<float>::kThreads};
}

}  // namespace dermis
