// Body of the cross-entropy row for the instruction set of the including file.
#pragma once

#include "kernels/linear_ce/linear_ce_rows.h"
#include "kernels/simd/vec_inl.h"

namespace dermis {
namespace {

// cap * tanh(z / cap); the slope 1 - tanh^2 is recovered from the capped value.
inline void cap_logits(float* logits, int64_t count, float softcap) {
  const Vec cap = splat(softcap), inverse = splat(1.0F / softcap);
  const auto write = [&](int64_t i, auto... tail) {
    store(logits + i, cap * vtanh(load(logits + i, tail...) * inverse), tail...);
  };
  for_lanes(count, write, write);
}

// Sum of e^(logit - top), in fp64 over segments: with 257,000 terms a single fp32 sum would lose digits. With `replace`
// the exponentials take the place of the logits.
inline double exponentials(float* logits, int64_t count, float top, bool replace) {
  constexpr int64_t kSegment = 4096;
  const Vec shift = splat(top);
  double sum = 0;
  for (int64_t at = 0; at < count; at += kSegment) {
    float* segment = logits + at;
    Vec total = splat(0);
    const auto whole = [&](int64_t i) {
      const Vec e = vexp(load(segment + i) - shift);
      if (replace) store(segment + i, e);
      total = total + e;
    };
    const auto part = [&](int64_t i, Tail tail) {
      const Vec e = keep(vexp(load(segment + i, tail) - shift), tail);
      if (replace) store(segment + i, e, tail);
      total = total + e;
    };
    for_lanes(count - at < kSegment ? count - at : kSegment, whole, part);
    sum += sum_lanes(total);
  }
  return sum;
}

// The same exponential as in the sum, for one number.
inline float label_exponential_of(float x) {
  float lanes[kLanes];
  store(lanes, vexp(splat(x)));
  return lanes[0];
}

double cross_entropy_row(const CrossEntropyRow& a) {
  float* logits = a.logits;
  if (a.softcap > 0) cap_logits(logits, a.vocabulary, a.softcap);
  Vec highest = splat(logits[0]);
  for (int64_t i = 0; i + kLanes <= a.vocabulary; i += kLanes) highest = vmax(load(logits + i), highest);
  float top = max_lanes(highest);
  for (int64_t i = a.vocabulary / kLanes * kLanes; i < a.vocabulary; ++i) top = logits[i] > top ? logits[i] : top;

  const float label_logit = logits[a.label];
  const double sum = exponentials(logits, a.vocabulary, top, a.with_gradient && a.softcap <= 0);
  const double loss = __builtin_log(sum) + top - label_logit;
  if (!a.with_gradient) return loss;

  // The label's entry is p - 1: taken in fp64, because next to p = 1 fp32 would leave few digits.
  const float label_exponential = label_exponential_of(label_logit - top);
  const double label_slope = a.scale * (label_exponential - sum) / sum;
  const Vec scale = splat(static_cast<float>(a.scale / sum));
  if (a.softcap <= 0) {
    const auto write = [&](int64_t i, auto... tail) { store(logits + i, load(logits + i, tail...) * scale, tail...); };
    for_lanes(a.vocabulary, write, write);
    logits[a.label] = static_cast<float>(label_slope);
    return loss;
  }
  const Vec inverse = splat(1.0F / a.softcap), shift = splat(top);
  const auto write = [&](int64_t i, auto... tail) {
    const Vec capped = load(logits + i, tail...);
    const Vec t = capped * inverse;
    store(logits + i, vexp(capped - shift) * scale * fnma(t, t, splat(1)), tail...);
  };
  for_lanes(a.vocabulary, write, write);
  const double t = label_logit / a.softcap;
  logits[a.label] = static_cast<float>(label_slope * (1 - t * t));
  return loss;
}

}  // namespace
}  // namespace dermis
