// Bodies of AdamW and of the gradient norm. Types differ from tensor to tensor, so they are looked at at run time: once
// a piece, the same way in all threads of a block. AdamW's pieces are four numbers, as most of its arrays are fp32.
#pragma once

#include "kernels/adamw/adamw_cuda.h"
#include "kernels/machine/fours.h"
#include "kernels/machine/philox.h"
#include "kernels/machine/rows.h"

namespace dermis {

// Threads of a block take pieces of kPiece numbers in turn.
template <int kPiece>
struct TensorBlockShape {
  static constexpr int kThreads = 256;
  static constexpr int kPieces = kTensorBlock / (kThreads * kPiece);  // a thread
  static_assert(kPieces * kThreads * kPiece == kTensorBlock);
};

struct AdamWKernel : TensorBlockShape<kFour> {
  using Params = AdamWParams;
  static constexpr int kBlocksPerSm = 3;
  static constexpr uint32_t kSharedBytes = 0;

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const AdamWTensorEntry t = load_record(m, p.tensors + m.load(p.tensor_of_block + m.block(0)));
    const int64_t begin = (m.block(0) - t.first_block) * kTensorBlock;
    DERMIS_NO_UNROLL
    for (int i = 0; i < kPieces; ++i) {
      const int64_t first = begin + (i * kThreads + m.thread()) * kFour;
      if (first < t.count) update(m, t, first);
    }
  }

 private:
  template <class M>
  DERMIS_DEVICE static void update(M& m, const AdamWTensorEntry& t, int64_t first) {
    const AdamWFactors& f = t.factors;
    float parameter[kFour], gradient[kFour], average[kFour], square[kFour];
    const auto changing = [&](const auto* from) { return m.load_own(from); };
    const FourPlace<float> averages(t.first_moment, t.count, first), squares(t.second_moment, t.count, first);
    if (t.master != nullptr) {
      FourPlace(t.master, t.count, first).load(m, parameter, changing);
    } else {
      with_type(t.parameter_type, t.parameter,
                [&](const auto* array) { FourPlace(array, t.count, first).load(m, parameter, changing); });
    }
    with_type(t.gradient_type, t.gradient, [&](const auto* array) {
      FourPlace(array, t.count, first).load(m, gradient, [&](const auto* from) { return m.load(from); });
    });
    averages.load(m, average, changing);
    squares.load(m, square, changing);
    DERMIS_UNROLL
    for (int i = 0; i < kFour; ++i) {
      const float g = gradient[i] * f.gradient_scale;
      average[i] = m.fma(f.beta1, average[i], f.one_minus_beta1 * g);
      square[i] = m.fma(f.beta2, square[i], f.one_minus_beta2 * (g * g));
      const float root = square[i] > 0 ? square[i] * m.rsqrt(square[i]) : 0;
      const float ratio = average[i] * m.reciprocal(m.fma(root, f.inverse_correction, f.eps));
      parameter[i] = m.fma(-f.step_size, ratio, parameter[i] * f.decay);
    }
    averages.store(m, average);
    squares.store(m, square);
    if (t.master != nullptr) FourPlace(t.master, t.count, first).store(m, parameter);
    store_parameter(m, t, first, parameter);
  }

  template <class M>
  DERMIS_DEVICE static void store_parameter(M& m, const AdamWTensorEntry& t, int64_t first,
                                            const float (&parameter)[kFour]) {
    if (t.rounding == ParameterRounding::stochastic) {
      FourPlace(static_cast<Bf16*>(t.parameter), t.count, first).store(m, round_by_chance(m, t, first, parameter));
      return;
    }
    switch (t.parameter_type) {
      case ElementType::fp32: FourPlace(static_cast<float*>(t.parameter), t.count, first).store(m, parameter); break;
      case ElementType::bf16: FourPlace(static_cast<Bf16*>(t.parameter), t.count, first).store(m, parameter); break;
      case ElementType::fp16: FourPlace(static_cast<Fp16*>(t.parameter), t.count, first).store(m, parameter); break;
    }
  }

  // A number lies u / 65536 of the way from one bf16 to the next: adding 16 random bits carries into the upper half
  // with just that probability. Eight numbers share what Philox draws; this thread has the first or the second four.
  template <class M>
  DERMIS_DEVICE static Four<Bf16> round_by_chance(M& m, const AdamWTensorEntry& t, int64_t first,
                                                  const float (&parameter)[kFour]) {
    const auto eight = static_cast<uint64_t>(first / kEight);
    const PhiloxWords random =
        philox_words({{static_cast<uint32_t>(eight), static_cast<uint32_t>(eight >> 32), t.stream[0], t.stream[1]}},
                     t.key[0], t.key[1]);
    const bool second = first % kEight != 0;
    Four<Bf16> rounded = {};
    DERMIS_UNROLL
    for (int i = 0; i < kFour; ++i) {
      const uint32_t bits = __builtin_bit_cast(uint32_t, parameter[i]);
      const uint32_t word = second ? random.word[2 + i / 2] : random.word[i / 2];
      const uint32_t chance = (word >> (16 * (i % 2))) & 0xffffu;
      const bool finite = (bits & 0x7f800000u) != 0x7f800000u;
      rounded.set(
          i, finite ? Bf16{static_cast<uint16_t>((bits + chance) >> 16)} : m.template from_float<Bf16>(parameter[i]));
    }
    return rounded;
  }
};

// A block leaves the sum of squares of its numbers.
struct GradientSquaresKernel : TensorBlockShape<kEight> {
  using Params = GradientNormParams;
  static constexpr int kBlocksPerSm = 4;
  static constexpr uint32_t kSharedBytes = kThreads * sizeof(double);

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const GradientEntry t = load_record(m, p.tensors + m.load(p.tensor_of_block + m.block(0)));
    const int64_t begin = (m.block(0) - t.first_block) * kTensorBlock;
    double total = 0;
    DERMIS_UNROLL
    for (int i = 0; i < kPieces; ++i) {
      const int64_t first = begin + (i * kThreads + m.thread()) * kEight;
      float x[kEight] = {}, squares = 0;
      if (first < t.count) load_numbers(m, t.type, t.data, t.count, first, x);
      DERMIS_UNROLL
      for (const float v : x) squares = m.fma(v, v, squares);
      total += squares;
    }
    total = block_sum(m, total);
    if (m.thread() == 0) m.store(p.partials + m.block(0), total);
  }

  // In thread 0. Ends with every thread's number read.
  template <class M>
  DERMIS_DEVICE static double block_sum(M& m, double value) {
    const auto place = [](int thread) { return Shared{static_cast<uint32_t>(thread) * 8}; };
    m.store(place(m.thread()), value);
    for (int half = kThreads / 2; half > 0; half /= 2) {
      m.sync();
      if (m.thread() >= half) continue;
      value += m.template load<double>(place(m.thread() + half));
      m.store(place(m.thread()), value);
    }
    return value;
  }
};

// One block adds what the blocks have left.
struct GradientTotalKernel : TensorBlockShape<kEight> {
  using Params = GradientNormParams;
  static constexpr int kBlocksPerSm = 1;
  static constexpr uint32_t kSharedBytes = GradientSquaresKernel::kSharedBytes;

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    double total = 0;
    for (int64_t i = m.thread(); i < p.blocks; i += kThreads)
      total += m.load(static_cast<const double*>(p.partials) + i);
    total = GradientSquaresKernel::block_sum(m, total);
    if (m.thread() == 0) m.store(p.sum_of_squares, total);
  }
};

inline Launch adamw_launch(const AdamWParams& p) {
  return {.blocks = {static_cast<uint32_t>(p.blocks), 1, 1}, .threads = AdamWKernel::kThreads};
}
inline Launch gradient_squares_launch(const GradientNormParams& p) {
  return {.blocks = {static_cast<uint32_t>(p.blocks), 1, 1},
          .threads = GradientSquaresKernel::kThreads,
          .shared_bytes = GradientSquaresKernel::kSharedBytes};
}
inline Launch gradient_total_launch() {
  return {.threads = GradientTotalKernel::kThreads, .shared_bytes = GradientTotalKernel::kSharedBytes};
}

}  // namespace dermis
