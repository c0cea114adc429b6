// A draw from one row of logits by a whole block. Nothing is sorted: each cut of the sorted order is found digit by
// digit (radix selection). A pass over the row counts and weighs, for every value of the next ten bits of the sort key,
// the tokens that agree with the digits found so far; sums over these bins tell which value the cut has. Weights are
// integers, so additions in shared memory give the same sums in any order. The pass that looks for the second digit of
// a cut also lists the tokens that share the first, if shared memory holds them; later digits are looked for in the
// list.
#pragma once

#include <cmath>

#include "kernels/machine/rows.h"
#include "kernels/sampling/sampling_cuda.h"

namespace dermis {

// Of some tokens: how many, and what they weigh together.
struct TokenAmount {
  uint32_t count = 0;
  uint64_t weight = 0;
};
DERMIS_DEVICE TokenAmount operator+(const TokenAmount& a, const TokenAmount& b) {
  return {a.count + b.count, a.weight + b.weight};
}

// The tokens whose keys begin with these digits, and all that come before them in the order.
struct TokenSelection {
  uint64_t prefix = 0;
  uint32_t digits = 0;
  TokenAmount before, inside;
  uint32_t listed = 0;  // keys in shared memory, those inside among them; 0: there is no list
};

// The largest logit and the first token that has it.
struct LargestLogit {
  float logit = -INFINITY;
  uint32_t token = ~0u;  // none is above -infinity

  DERMIS_DEVICE bool exists() const { return token != ~0u; }
  DERMIS_DEVICE void take(const LargestLogit& other) {
    if (other.logit > logit || (other.logit == logit && other.token < token)) *this = other;
  }
};

// Shared memory of the sampler. There is a bin for each thread, of three words: count, low and high half of the weight.
struct RowSamplerLayout {
  static constexpr int kThreads = 1024, kWarps = kThreads / kWarpSize;
  static constexpr uint32_t kDigitBits = 10, kBins = 1 << kDigitBits;
  static_assert(kBins == kThreads);

  static constexpr uint32_t kBinsBytes = kBins * 3 * sizeof(uint32_t), kAmountBytes = 16, kSelectionBytes = 32;
  static constexpr Shared kFirstBins{0}, kBinsOfDigit{kBinsBytes}, kWarpAmounts{2 * kBinsBytes};
  static constexpr Shared kSelected{kWarpAmounts.at + kWarps * kAmountBytes};
  static constexpr Shared kToken{kSelected.at + kSelectionBytes}, kListCount{kToken.at + 4};
  static constexpr uint32_t kMostListed = 4096;
  static constexpr Shared kList{kListCount.at + 12};
  static_assert(kList.at % sizeof(uint64_t) == 0);
  static constexpr uint32_t kSharedBytes = kList.at + kMostListed * sizeof(uint64_t);
};

template <class E, class M>
class RowSampler : RowSamplerLayout {
 public:
  DERMIS_DEVICE RowSampler(M& m, const Row<const E>& logits, float temperature)
      : m_(m), logits_(logits), orders_per_logit_(kLog2E / temperature), largest_(find_largest()) {}

  // The first token of the largest logit; 0 if there is none.
  DERMIS_DEVICE uint32_t greedy() const { return largest_.exists() ? largest_.token : 0; }

  DERMIS_DEVICE uint32_t draw(uint32_t top_k, double top_p, double uniform) const {
    if (!largest_.exists()) return 0;
    TokenSelection all;
    fill_bins(kFirstBins, all);
    uint64_t kept = sums_before(bin_of_thread(kFirstBins)).all.weight;
    if (top_k > 0 && top_k < static_cast<uint32_t>(logits_.width)) {
      kept = weight_through<false>(narrow<false>({}, kDistanceDigits, top_k), top_k);
    }
    if (top_p < 1) {
      const uint64_t target = clamp(round_up(top_p * static_cast<double>(kept)), kept);
      kept = weight_through<true>(narrow<true>({}, kDistanceDigits, target), target);
    }
    const uint64_t target = clamp(static_cast<uint64_t>(uniform * static_cast<double>(kept)) + 1, kept);
    return token_at(narrow<true>({}, kDistanceDigits, target), target);
  }

 private:
  // The key of a token: 30 bits of distance to the largest logit, then 20 of its index. Distances are in units of 2^-25
  // binary orders of magnitude of probability and end at 2^-32.
  static constexpr uint32_t kDistanceDigits = 3, kIndexDigits = 2, kDigits = kDistanceDigits + kIndexDigits;
  static constexpr float kFarthest = 32, kUnits = 1 << 25;
  static constexpr uint32_t kBeyond = (1u << (kDistanceDigits * kDigitBits)) - 1;
  static constexpr uint64_t kIndexMask = (uint64_t{1} << (kIndexDigits * kDigitBits)) - 1;
  static_assert(kLargestSamplingVocabulary - 1 == kIndexMask);

  // visit(logit, token) for the tokens of this thread, in rising order.
  template <class Visit>
  DERMIS_DEVICE void for_each(Visit visit) const {
    DERMIS_NO_UNROLL
    for (int32_t column = m_.thread() * kEight; column < logits_.width; column += kThreads * kEight) {
      float x[kEight];
      logits_.load(m_, column, x);
      DERMIS_UNROLL
      for (int i = 0; i < kEight; ++i) {
        if (column + i < logits_.width) visit(x[i], static_cast<uint32_t>(column + i));
      }
    }
  }

  DERMIS_DEVICE LargestLogit find_largest() const {
    LargestLogit best;
    for_each([&](float logit, uint32_t token) {
      if (logit > best.logit) best = {logit, token};
    });
    const auto place = [](int warp) { return kWarpAmounts + static_cast<uint32_t>(warp) * 8; };
    best = largest_of_warp(best);
    const int warp = m_.warp();
    if (m_.lane() == 0) {
      m_.store(place(warp), best.logit);
      m_.store(place(warp) + 4, best.token);
    }
    m_.sync();
    best = {m_.template load<float>(place(m_.lane())), m_.template load<uint32_t>(place(m_.lane()) + 4)};
    m_.sync();
    return largest_of_warp(best);
  }
  DERMIS_DEVICE LargestLogit largest_of_warp(LargestLogit best) const {
    DERMIS_UNROLL
    for (int step = kWarpSize / 2; step > 0; step /= 2) {
      best.take({m_.shuffle_xor(best.logit, step), m_.shuffle_xor(best.token, step)});
    }
    return best;
  }

  DERMIS_DEVICE uint32_t distance_of(float logit) const {
    if (logit == largest_.logit) return 0;
    const float orders = (largest_.logit - logit) * orders_per_logit_;
    return orders < kFarthest ? static_cast<uint32_t>(orders * kUnits) : kBeyond;  // beyond: NaN, too
  }
  DERMIS_DEVICE uint32_t weight_of(uint32_t distance) const {
    if (distance == kBeyond) return 0;
    return static_cast<uint32_t>(m_.fma(m_.exp2(static_cast<float>(distance) * (-1 / kUnits)), 0x1p31f, 0.5f));
  }
  DERMIS_DEVICE static uint64_t key_of(uint32_t distance, uint32_t token) {
    return uint64_t{distance} << (kIndexDigits * kDigitBits) | token;
  }

  DERMIS_DEVICE static uint32_t distance_of_key(uint64_t key) {
    return static_cast<uint32_t>(key >> (kIndexDigits * kDigitBits));
  }

  DERMIS_DEVICE static Shared word_of_bin(Shared bins, uint32_t value, uint32_t word) {
    return bins + (word * kBins + value) * static_cast<uint32_t>(sizeof(uint32_t));
  }
  DERMIS_DEVICE TokenAmount bin_of_thread(Shared bins) const {
    const auto word = [&](uint32_t i) {
      return m_.template load<uint32_t>(word_of_bin(bins, static_cast<uint32_t>(m_.thread()), i));
    };
    return {word(0), uint64_t{word(2)} << 32 | word(1)};
  }

  // visit(key) for this thread's tokens, of the list where there is one.
  template <class Visit>
  DERMIS_DEVICE void for_each_key(const TokenSelection& selection, Visit visit) const {
    if (selection.listed == 0) {
      for_each([&](float logit, uint32_t token) { visit(key_of(distance_of(logit), token)); });
      return;
    }
    DERMIS_NO_UNROLL
    for (uint32_t i = static_cast<uint32_t>(m_.thread()); i < selection.listed; i += kThreads)
      visit(m_.template load<uint64_t>(listed_key(i)));
  }
  DERMIS_DEVICE static Shared listed_key(uint32_t i) { return kList + i * static_cast<uint32_t>(sizeof(uint64_t)); }

  // Counts and weighs the tokens of `selection` by their next digit. Makes the list if it can.
  DERMIS_DEVICE void fill_bins(Shared bins, TokenSelection& selection) const {
    DERMIS_UNROLL
    for (uint32_t word = 0; word < 3; ++word) {
      m_.store(word_of_bin(bins, static_cast<uint32_t>(m_.thread()), word), 0u);
    }
    if (m_.thread() == 0) m_.store(kListCount, 0u);
    m_.sync();
    const bool lists = selection.digits > 0 && selection.listed == 0 && selection.inside.count <= kMostListed;
    const uint32_t shift = (kDigits - 1 - selection.digits) * kDigitBits;
    for_each_key(selection, [&](uint64_t key) {
      const uint64_t digits = key >> shift;
      if (digits >> kDigitBits != selection.prefix) return;
      const uint32_t value = static_cast<uint32_t>(digits) % kBins, weight = weight_of(distance_of_key(key));
      m_.add(word_of_bin(bins, value, 0), 1u);
      const uint32_t low = m_.add(word_of_bin(bins, value, 1), weight);
      if (low + weight < low) m_.add(word_of_bin(bins, value, 2), 1u);
      if (lists) m_.store(listed_key(m_.add(kListCount, 1u)), key);
    });
    m_.sync();
    if (lists) selection.listed = selection.inside.count;
  }

  struct Sums {
    TokenAmount before, all;
  };
  // Sums over the threads before this one, and over all. Every thread calls.
  DERMIS_DEVICE Sums sums_before(const TokenAmount& own) const {
    m_.sync_warp();  // lanes leave the loop over tokens one by one: without it the compiler guards each exchange below
    const TokenAmount in_warp = sum_of_lanes_to_this(own);
    const auto place = [](int warp) { return kWarpAmounts + static_cast<uint32_t>(warp) * kAmountBytes; };
    const int warp = m_.warp();
    if (m_.lane() == kWarpSize - 1) {
      m_.store(place(warp), in_warp.count);
      m_.store(place(warp) + 8, in_warp.weight);
    }
    m_.sync();
    const TokenAmount of_warp{m_.template load<uint32_t>(place(m_.lane())),
                              m_.template load<uint64_t>(place(m_.lane()) + 8)};
    m_.sync();  // everyone has read: the next sums may be stored
    const TokenAmount warps = sum_of_lanes_to_this(of_warp);
    const TokenAmount all = of_lane(warps, kWarpSize - 1), earlier = of_lane(warps, warp > 0 ? warp - 1 : 0);
    TokenAmount before{in_warp.count - own.count, in_warp.weight - own.weight};
    if (warp > 0) before = before + earlier;
    return {before, all};
  }
  DERMIS_DEVICE TokenAmount sum_of_lanes_to_this(TokenAmount amount) const {
    DERMIS_UNROLL
    for (int step = 1; step < kWarpSize; step *= 2) {
      const TokenAmount other = of_lane(amount, m_.lane() >= step ? m_.lane() - step : m_.lane());
      if (m_.lane() >= step) amount = amount + other;
    }
    return amount;
  }
  DERMIS_DEVICE TokenAmount of_lane(const TokenAmount& amount, int lane) const {
    const uint32_t low = m_.shuffle(static_cast<uint32_t>(amount.weight), lane);
    const uint32_t high = m_.shuffle(static_cast<uint32_t>(amount.weight >> 32), lane);
    return {m_.shuffle(amount.count, lane), uint64_t{high} << 32 | low};
  }

  // Narrows the selection to where the tokens up to and including it first reach `target`, by their number or weight,
  // until it is a single token or `digits` digits are known.
  template <bool kByWeight>
  DERMIS_DEVICE TokenSelection narrow(TokenSelection selection, uint32_t digits, uint64_t target) const {
    while (selection.digits < digits && (selection.digits == 0 || selection.inside.count > 1)) {
      Shared bins = kFirstBins;
      if (selection.digits > 0) {
        bins = kBinsOfDigit;
        fill_bins(bins, selection);
      }
      selection = take_digit<kByWeight>(bins, selection, target);
    }
    return selection;
  }
  template <bool kByWeight>
  DERMIS_DEVICE TokenSelection take_digit(Shared bins, const TokenSelection& selection, uint64_t target) const {
    const TokenAmount own = bin_of_thread(bins), before = selection.before + sums_before(own).before;
    const auto measure = [](const TokenAmount& amount) { return kByWeight ? amount.weight : amount.count; };
    if (measure(before) < target && target <= measure(before + own)) {
      m_.store(kSelected, selection.prefix << kDigitBits | static_cast<uint32_t>(m_.thread()));
      m_.store(kSelected + 8, before.weight);
      m_.store(kSelected + 16, own.weight);
      m_.store(kSelected + 24, before.count);
      m_.store(kSelected + 28, own.count);
    }
    m_.sync();
    return {m_.template load<uint64_t>(kSelected),
            selection.digits + 1,
            {m_.template load<uint32_t>(kSelected + 24), m_.template load<uint64_t>(kSelected + 8)},
            {m_.template load<uint32_t>(kSelected + 28), m_.template load<uint64_t>(kSelected + 16)},
            selection.listed};
  }

  // How many tokens of the selection, which weigh the same, it takes to reach the target.
  template <bool kByWeight>
  DERMIS_DEVICE static uint64_t needed(const TokenSelection& selection, uint64_t target) {
    if constexpr (!kByWeight) return target - selection.before.count;
    const uint64_t each = selection.inside.weight / selection.inside.count;
    return (target - selection.before.weight + each - 1) / each;
  }
  template <bool kByWeight>
  DERMIS_DEVICE static uint64_t weight_through(const TokenSelection& selection, uint64_t target) {
    const uint64_t each = selection.inside.weight / selection.inside.count;
    return selection.before.weight + needed<kByWeight>(selection, target) * each;
  }

  DERMIS_DEVICE uint32_t token_at(const TokenSelection& selection, uint64_t target) const {
    TokenSelection token = selection;
    if (selection.inside.count > 1) {  // equal weights: the index decides
      token.before = {};
      token = narrow<false>(token, kDigits, needed<true>(selection, target));
    }
    if (token.digits == kDigits) return static_cast<uint32_t>(token.prefix & kIndexMask);
    const uint32_t shift = (kDigits - token.digits) * kDigitBits;
    for_each_key(token, [&](uint64_t key) {
      if (key >> shift == token.prefix) m_.store(kToken, static_cast<uint32_t>(key & kIndexMask));
    });
    m_.sync();
    return m_.template load<uint32_t>(kToken);
  }

  DERMIS_DEVICE static uint64_t clamp(uint64_t x, uint64_t most) { return x > most ? most : x > 0 ? x : 1; }
  DERMIS_DEVICE static uint64_t round_up(double x) {
    const auto whole = static_cast<uint64_t>(x);
    return static_cast<double>(whole) < x ? whole + 1 : whole;
  }

  M& m_;
  const Row<const E> logits_;
  const float orders_per_logit_;
  const LargestLogit largest_;
};

}  // namespace dermis
