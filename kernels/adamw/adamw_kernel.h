// Bodies of AdamW and of the gradient norm. Types differ from tensor to tensor, so they are looked at at run time: once
// a piece of eight numbers, the same way in all threads of a block.
#pragma once

#include "kernels/adamw/adamw_cuda.h"
#include "kernels/machine/philox.h"
#include "kernels/machine/rows.h"

namespace dermis {

struct TensorBlockShape {
  static constexpr int kThreads = 256;
  static constexpr int kPieces = kTensorBlock / (kThreads * kEight);  // a thread
  static_assert(kPieces * kThreads * kEight == kTensorBlock);
};

// A piece of fp32 numbers that this launch changes.
template <class M>
DERMIS_DEVICE void load_changing(M& m, const float* array, int64_t count, int64_t first, float (&x)[kEight]) {
  unpack_eight(m, piece_at(array, count, first).load_written(m, 0), x);
}

struct AdamWKernel : TensorBlockShape {
  using Params = AdamWParams;
  static constexpr int kBlocksPerSm = 3;
  static constexpr uint32_t kSharedBytes = 0;

  template <class M>
  DERMIS_DEVICE static void run(M& m, const Params& p) {
    const AdamWTensorEntry t = load_record(m, p.tensors + m.load(p.tensor_of_block + m.block(0)));
    const int64_t begin = (m.block(0) - t.first_block) * kTensorBlock;
    DERMIS_NO_UNROLL
    for (int i = 0; i < kPieces; ++i) {
      const int64_t first = begin + (i * kThreads + m.thread()) * kEight;
      if (first < t.count) update(m, t, first);
    }
  }

 private:
  template <class M>
  DERMIS_DEVICE static void update(M& m, const AdamWTensorEntry& t, int64_t first) {
    const AdamWFactors& f = t.factors;
    float parameter[kEight], gradient[kEight], average[kEight], square[kEight];
    if (t.master != nullptr) {
      load_changing(m, t.master, t.count, first, parameter);
    } else {
      with_type(t.parameter_type, t.parameter, [&](const auto* array) {
        unpack_eight(m, piece_at(array, t.count, first).load_written(m, 0), parameter);
      });
    }
    load_numbers(m, t.gradient_type, t.gradient, t.count, first, gradient);
    load_changing(m, t.first_moment, t.count, first, average);
    load_changing(m, t.second_moment, t.count, first, square);
    DERMIS_UNROLL
    for (int i = 0; i < kEight; ++i) {
      const float g = gradient[i] * f.gradient_scale;
      average[i] = m.fma(f.beta1, average[i], f.one_minus_beta1 * g);
      square[i] = m.fma(f.beta2, square[i], f.one_minus_beta2 * (g * g));
      const float root = square[i] > 0 ? square[i] * m.rsqrt(square[i]) : 0;
      const float ratio = average[i] * m.reciprocal(m.fma(root, f.inverse_correction, f.eps));
      parameter[i] = m.fma(-f.step_size, ratio, parameter[i] * f.decay);
    }
    piece_at(t.first_moment, t.count, first).store(m, 0, average);
    piece_at(t.second_moment, t.count, first).store(m, 0, square);
    if (t.master != nullptr) piece_at(t.master, t.count, first).store(m, 0, parameter);
    store_parameter(m, t, first, parameter);
  }

  template <class M>
  DERMIS_DEVICE static void store_parameter(M& m, const AdamWTensorEntry& t, int64_t first,
                                            const float (&parameter)[kEight]) {
    if (t.rounding == ParameterRounding::stochastic) {
      piece_at(static_cast<Bf16*>(t.parameter), t.count, first).store(m, 0, round_by_chance(m, t, first, parameter));
      return;
    }
    switch (t.parameter_type) {
      case ElementType::fp32: piece_at(static_cast<float*>(t.parameter), t.count, first).store(m, 0, parameter); break;
      case ElementType::bf16: piece_at(static_cast<Bf16*>(t.parameter), t.count, first).store(m, 0, parameter); break;
      case ElementType::fp16: piece_at(static_cast<Fp16*>(t.parameter), t.count, first).store(m, 0, parameter); break;
    }
  }

  // A number lies u / 65536 of the way from one bf16 to the next: adding 16 random bits carries into the upper half
  // with just that probability.
  template <class M>
  DERMIS_DEVICE static Eight<Bf16> round_by_chance(M& m, const AdamWTensorEntry& t, int64_t first,
                                                   const float (&parameter)[kEight]) {
    const auto piece = static_cast<uint64_t>(first / kEight);
    const PhiloxWords random =
        philox_words({{static_cast<uint32_t>(piece), static_cast<uint32_t>(piece >> 32), t.stream[0], t.stream[1]}},
                     t.key[0], t.key[1]);
    Eight<Bf16> rounded = {};
    DERMIS_UNROLL
    for (int i = 0; i < kEight; ++i) {
      const uint32_t bits = __builtin_bit_cast(uint32_t, parameter[i]);
      const uint32_t chance = (random.word[i / 2] >> (16 * (i % 2))) & 0xffffu;
      const bool finite = (bits & 0x7f800000u) != 0x7f800000u;
      rounded.set(
          i, finite ? Bf16{static_cast<uint16_t>((bits + chance) >> 16)} : m.template from_float<Bf16>(parameter[i]));
    }
    return rounded;
  }
};

// A block leaves the sum of squares of its numbers.
struct GradientSquaresKernel : TensorBlockShape {
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
struct GradientTotalKernel : TensorBlockShape {
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
