// What the attention kernels are held to, in plain loops that share nothing with them: exact attention in fp64 and the
// plain computation in the kernel's own dtype, forward and backward, on random problems.
//
// The bound on a kernel's error e = |kernel - exact| is that of the plain computation: largest e at most 1.5 times and
// root mean square of e at most 1.1 times the plain one's.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/machine/machine.h"
#include "kernels/visible_keys/visible_keys.h"

namespace dermis::testing {

// Conversions of 16-bit numbers, round to nearest even.
template <class E>
E to_element(double value) {
  if constexpr (std::is_same_v<E, Bf16>) {
    const uint32_t bits = std::bit_cast<uint32_t>(static_cast<float>(value));
    if (std::isnan(value)) return {0x7fc0};
    return {static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16)};
  } else {
    const int sign = std::signbit(value) ? 0x8000 : 0;
    if (std::isnan(value)) return {0x7e00};
    if (std::abs(value) >= 65520) return {static_cast<uint16_t>(sign | 0x7c00)};
    if (value == 0) return {static_cast<uint16_t>(sign)};
    int exponent = 0;
    std::frexp(value, &exponent);
    const int last_place = std::max(exponent - 11, -24);
    const int units = static_cast<int>(std::nearbyint(std::ldexp(std::abs(value), -last_place)));
    return {static_cast<uint16_t>(sign | (units + (last_place + 24) * 1024))};
  }
}
template <class E>
double to_double(E element) {
  if constexpr (std::is_same_v<E, Bf16>) {
    return std::bit_cast<float>(static_cast<uint32_t>(element.bits) << 16);
  } else {
    const int exponent = element.bits >> 10 & 31, fraction = element.bits & 1023;
    const double magnitude = exponent < 31
                                 ? std::ldexp(fraction + (exponent > 0 ? 1024 : 0), std::max(exponent, 1) - 25)
                             : fraction == 0 ? std::numeric_limits<double>::infinity()
                                             : std::numeric_limits<double>::quiet_NaN();
    return element.bits & 0x8000 ? -magnitude : magnitude;
  }
}
template <class E>
double rounded_to(double value) {
  return to_double(to_element<E>(value));
}
// Half the distance between neighbouring numbers at 1.
template <class E>
constexpr double rounding_unit() {
  return std::is_same_v<E, Bf16> ? 1.0 / 256 : 1.0 / 2048;
}

// Tensors are contiguous [tokens, heads, D]; lse is [H, T].
struct AttentionProblem {
  VisibleKeys visible;
  int64_t H = 1, G = 1, D = 64;
  double scale = 0.125, softcap = 0;  // softcap 0: none
  std::vector<double> q, k, v, grad_o;

  int64_t T() const { return visible.row_count(); }
  int64_t S() const { return visible.key_count(); }
};

// Normal numbers that E holds exactly. Queries are twice as large as usual, so that a few keys take most of the weight
// and a soft-cap bends the scores.
template <class E>
AttentionProblem random_problem(VisibleKeys visible, int64_t H, int64_t G, int64_t D, double softcap, uint64_t seed) {
  AttentionProblem problem{std::move(visible), H, G, D, 1 / std::sqrt(static_cast<double>(D)), softcap, {}, {}, {}, {}};
  std::mt19937_64 generator(seed);
  std::normal_distribution<double> normal;
  const auto fill = [&](std::vector<double>& x, int64_t count, double deviation) {
    x.resize(static_cast<size_t>(count));
    for (double& value : x) value = rounded_to<E>(deviation * normal(generator));
  };
  fill(problem.q, problem.T() * H * D, 2);
  fill(problem.k, problem.S() * G * D, 1);
  fill(problem.v, problem.S() * G * D, 1);
  fill(problem.grad_o, problem.T() * H * D, 1);
  return problem;
}

struct AttentionValues {
  std::vector<double> o, lse;      // rows that see no key: 0 and -inf
  std::vector<double> dq, dk, dv;  // empty without gradients
};

// The textbook, a row at a time: Number is the type of sums and of everything between products, `rounded` is applied to
// what the products read and write (weights, gradients of scores, results).
template <class Number, class Round>
AttentionValues attention_by_loops(const AttentionProblem& x, bool gradients, Round rounded) {
  const int64_t T = x.T(), H = x.H, G = x.G, D = x.D;
  AttentionValues result{std::vector<double>(x.q.size()), std::vector<double>(static_cast<size_t>(H * T)), {}, {}, {}};
  std::vector<Number> dq(gradients ? x.q.size() : 0), dk(gradients ? x.k.size() : 0), dv(dk.size());
  std::vector<Number> sum_o(static_cast<size_t>(D)), scores, weights;
  const auto dot = [D](const double* a, const double* b) {
    Number sum = 0;
    for (int64_t d = 0; d < D; ++d) sum += static_cast<Number>(a[d]) * static_cast<Number>(b[d]);
    return sum;
  };
  const auto add = [D](Number* sum, Number factor, const double* a) {
    for (int64_t d = 0; d < D; ++d) sum[d] += factor * static_cast<Number>(a[d]);
  };
  const Number scale = static_cast<Number>(x.scale), cap = static_cast<Number>(x.softcap);
  for (int64_t t = 0; t < T; ++t) {
    const int64_t lo = x.visible.lo()[static_cast<size_t>(t)], hi = x.visible.hi()[static_cast<size_t>(t)];
    for (int64_t h = 0; h < H; ++h) {
      const int64_t row = (t * H + h) * D;
      const auto key = [&](int64_t s) { return (s * G + h / (H / G)) * D; };
      scores.clear(), weights.clear();
      Number largest = -std::numeric_limits<Number>::infinity(), sum = 0;
      for (int64_t s = lo; s < hi; ++s) {
        const Number score = dot(&x.q[row], &x.k[key(s)]) * scale;
        scores.push_back(cap != 0 ? cap * std::tanh(score / cap) : score);
        largest = std::max(largest, scores.back());
      }
      for (const Number score : scores) sum += std::exp(score - largest);
      result.lse[h * T + t] = largest + std::log(sum);
      std::fill(sum_o.begin(), sum_o.end(), Number{0});
      for (int64_t s = lo; s < hi; ++s) {
        weights.push_back(std::exp(scores[s - lo] - largest) / sum);
        add(sum_o.data(), static_cast<Number>(rounded(weights.back())), &x.v[key(s)]);
      }
      for (int64_t d = 0; d < D; ++d) result.o[row + d] = rounded(sum_o[d]);
      if (!gradients) continue;
      const Number delta = dot(&result.o[row], &x.grad_o[row]);
      for (int64_t s = lo; s < hi; ++s) {
        const Number weight = weights[s - lo], score = scores[s - lo];
        Number grad_score = weight * (dot(&x.grad_o[row], &x.v[key(s)]) - delta);
        if (cap != 0) grad_score *= 1 - (score / cap) * (score / cap);
        grad_score = static_cast<Number>(rounded(grad_score));
        add(&dv[key(s)], static_cast<Number>(rounded(weight)), &x.grad_o[row]);
        add(&dk[key(s)], grad_score, &x.q[row]);
        add(&dq[row], grad_score, &x.k[key(s)]);
      }
    }
  }
  for (const Number value : dq) result.dq.push_back(rounded(value * scale));
  for (const Number value : dk) result.dk.push_back(rounded(value * scale));
  for (const Number value : dv) result.dv.push_back(rounded(value));
  return result;
}

inline AttentionValues exact_attention(const AttentionProblem& problem, bool gradients) {
  return attention_by_loops<double>(problem, gradients, [](double x) { return x; });
}
template <class E>
AttentionValues plain_attention(const AttentionProblem& problem, bool gradients) {
  return attention_by_loops<float>(problem, gradients, rounded_to<E>);
}

// Gathers the errors of many problems for one result (o, dq, ...) of one kernel.
template <class E>
class ErrorTally {
 public:
  // Checks this problem alone, with a rounding step to spare since a few numbers may be lucky in the plain computation,
  // and `spare` where exact values are zero since large ones cancel.
  void add(const std::string& where, const std::vector<double>& found, const std::vector<double>& plain,
           const std::vector<double>& exact, double spare = 0) {
    ASSERT_EQ(found.size(), exact.size()) << where;
    double worst = 0, plain_worst = 0, largest = 0;
    for (size_t i = 0; i < exact.size(); ++i) {
      ASSERT_TRUE(std::isfinite(found[i])) << where << ": element " << i << " is " << found[i];
      const double error = std::abs(found[i] - exact[i]), plain_error = std::abs(plain[i] - exact[i]);
      worst = std::max(worst, error);
      plain_worst = std::max(plain_worst, plain_error);
      largest = std::max(largest, std::abs(exact[i]));
      squares_ += error * error;
      plain_squares_ += plain_error * plain_error;
    }
    EXPECT_LE(worst, 1.5 * plain_worst + rounding_unit<E>() * largest + spare) << where;
    worst_ = std::max(worst_, worst);
    plain_worst_ = std::max(plain_worst_, plain_worst);
  }

  double max_ratio() const { return worst_ == 0 ? 0 : worst_ / plain_worst_; }
  double rms_ratio() const { return squares_ == 0 ? 0 : std::sqrt(squares_ / plain_squares_); }
  // The ratios are in the test program's report (--gtest_output), too.
  void expect_within_bounds(const std::string& what) const {
    ::testing::Test::RecordProperty(what + ", largest error", std::to_string(max_ratio()));
    ::testing::Test::RecordProperty(what + ", RMS error", std::to_string(rms_ratio()));
    EXPECT_LE(max_ratio(), 1.5) << what;
    EXPECT_LE(rms_ratio(), 1.1) << what;
  }

 private:
  double worst_ = 0, plain_worst_ = 0, squares_ = 0, plain_squares_ = 0;
};

inline void expect_lse_near(const std::string& where, const std::vector<float>& found,
                            const std::vector<double>& exact) {
  ASSERT_EQ(found.size(), exact.size()) << where;
  for (size_t i = 0; i < exact.size(); ++i) {
    if (std::isinf(exact[i])) {
      ASSERT_EQ(found[i], exact[i]) << where << ": lse " << i;
    } else {
      ASSERT_NEAR(found[i], exact[i], 1e-5 * std::max(1.0, std::abs(exact[i]))) << where << ": lse " << i;
    }
  }
}

}  // namespace dermis::testing
