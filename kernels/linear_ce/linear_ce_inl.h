// Body of the cross-entropy row for the instruction set of the including file.
#pragma once

#include "kernels/linear_ce/linear_ce_rows.h"
#include "kernels/simd/vec_inl.h"

namespace dermis {
namespace {

// tanh(z / cap), from which every pass makes the capped logit and its slope.
inline void shrink_logits(float* logits, int64_t count, float softcap) {
  const Vec inverse = splat(1.0F / softcap);
  const auto write = [&](int64_t i, auto... tail) {
    store(logits + i, vtanh(load(logits + i, tail...) * inverse), tail...);
  };
  for_lanes(count, write, write);
}

// e^(cap x - top); cap 1 where there is none.
struct Exponential {
  Vec cap, minus_top;
  Vec operator()(Vec x) const { return vexp(fma(x, cap, minus_top)); }
};

// Their sum, in fp64 over segments: with 257,000 terms a single fp32 sum would lose digits. With `replace` the
// exponentials take the place of the numbers.
inline double exponentials(float* logits, int64_t count, const Exponential& exponential, bool replace) {
  constexpr int64_t kSegment = 4096;
  double sum = 0;
  for (int64_t at = 0; at < count; at += kSegment) {
    float* segment = logits + at;
    Vec total = splat(0);
    const auto whole = [&](int64_t i) {
      const Vec e = exponential(load(segment + i));
      if (replace) store(segment + i, e);
      total = total + e;
    };
    const auto part = [&](int64_t i, Tail tail) {
      const Vec e = keep(exponential(load(segment + i, tail)), tail);
      if (replace) store(segment + i, e, tail);
      total = total + e;
    };
    for_lanes(count - at < kSegment ? count - at : kSegment, whole, part);
    sum += sum_lanes(total);
  }
  return sum;
}

// The same exponential as in the sum, for one number.
inline float label_exponential_of(float x, const Exponential& exponential) {
  float lanes[kLanes];
  store(lanes, exponential(splat(x)));
  return lanes[0];
}

double cross_entropy_row(const CrossEntropyRow& a) {
  float* logits = a.logits;
  const float cap = a.softcap > 0 ? a.softcap : 1;
  if (a.softcap > 0) shrink_logits(logits, a.vocabulary, a.softcap);
  Vec highest = splat(logits[0]);
  for (int64_t i = 0; i + kLanes <= a.vocabulary; i += kLanes) highest = vmax(load(logits + i), highest);
  float top = max_lanes(highest);
  for (int64_t i = a.vocabulary / kLanes * kLanes; i < a.vocabulary; ++i) top = logits[i] > top ? logits[i] : top;

  top *= cap;
  const Exponential exponential{splat(cap), splat(-top)};
  const float label_number = logits[a.label];
  const double sum = exponentials(logits, a.vocabulary, exponential, a.with_gradient && a.softcap <= 0);
  const double loss = __builtin_log(sum) + top - double{cap} * label_number;
  if (!a.with_gradient) return loss;

  // The label's entry is p - 1: taken in fp64, because next to p = 1 fp32 would leave few digits.
  const float label_exponential = label_exponential_of(label_number, exponential);
  const double label_slope = a.scale * (label_exponential - sum) / sum;
  const Vec scale = splat(static_cast<float>(a.scale / sum));
  if (a.softcap <= 0) {
    const auto write = [&](int64_t i, auto... tail) { store(logits + i, load(logits + i, tail...) * scale, tail...); };
    for_lanes(a.vocabulary, write, write);
    logits[a.label] = static_cast<float>(label_slope);
    return loss;
  }
  const auto write = [&](int64_t i, auto... tail) {
    const Vec t = load(logits + i, tail...);
    store(logits + i, exponential(t) * scale * fnma(t, t, splat(1)), tail...);
  };
  for_lanes(a.vocabulary, write, write);
  const double t = label_number;
  logits[a.label] = static_cast<float>(label_slope * (1 - t * t));
  return loss;
}

}  // namespace
}  // namespace dermis
