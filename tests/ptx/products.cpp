// Products of tiles as tensor cores of compute capability 8.0 add them (Fasi, Higham, Mikaitis, Pranesh 2021, doi
// 10.7717/peerj-cs.330): products are exact; eight of them and the sum so far are aligned to the largest, cut off one
// bit below its 24, added, and the sum is cut off to fp32. Hopper adds sixteen at once and keeps two bits.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>

#include "tests/emulator/numbers.h"
#include "tests/ptx/operations.h"
#include "tests/ptx/warp.h"

namespace dermis::ptx {
namespace {

constexpr int kTerms = 8, kExtraBits = 1;

// A finite number: magnitude * 2^(exponent - fraction bits of its format), `sign` 0 or -1.
struct Number {
  int32_t magnitude = 0, exponent = 0, sign = 0;
};

template <int kFraction, int kExponentBits>
inline Number number_of(uint32_t bits) {
  constexpr int kBias = (1 << (kExponentBits - 1)) - 1;
  const auto fraction = static_cast<int32_t>(bits & ((1u << kFraction) - 1));
  const auto exponent = static_cast<int32_t>(bits >> kFraction & ((1u << kExponentBits) - 1));
  const auto sign = static_cast<int32_t>(bits >> (kFraction + kExponentBits) & 1);
  return {fraction | (exponent != 0) << kFraction, std::max(exponent, 1) - kBias, -sign};
}

constexpr int kColumns = 8;

// A number of every column of b.
struct Row {
  int32_t magnitude[kColumns], exponent[kColumns], sign[kColumns];

  void set(int column, Number number) {
    magnitude[column] = number.magnitude;
    exponent[column] = number.exponent;
    sign[column] = number.sign;
  }
};

// sum * 2^exponent towards zero (of subnormal results to the nearest).
inline float cut_to_float(int64_t sum, int exponent) {
  const auto magnitude = static_cast<uint64_t>(std::abs(sum));
  const int excess = std::max(0, 40 - std::countl_zero(magnitude));  // above 24 bits
  const auto kept = static_cast<double>(magnitude >> excess << excess);
  const auto scale = std::bit_cast<double>(static_cast<uint64_t>(exponent + 1023) << 52);
  return static_cast<float>((sum < 0 ? -kept : kept) * scale);
}

// c[column] += sum over k of a[k] b[k][column]; all are finite, `fraction` is of the format of a and b.
__attribute__((target_clones("avx512f", "avx2", "default"))) void add_products(const Number* a, const Row* b,
                                                                               int fraction, float* c) {
  constexpr int kNone = -1000;
  int32_t largest[kColumns];
  int64_t sum[kColumns];
  Row start;
  for (int column = 0; column < kColumns; ++column) {
    start.set(column, number_of<23, 8>(std::bit_cast<uint32_t>(c[column])));
    largest[column] = start.magnitude[column] != 0 ? start.exponent[column] : kNone;
  }
  for (int k = 0; k < kTerms; ++k) {
    for (int column = 0; column < kColumns; ++column) {
      const bool counts = a[k].magnitude != 0 && b[k].magnitude[column] != 0;
      largest[column] = std::max(largest[column], counts ? a[k].exponent + b[k].exponent[column] : kNone);
    }
  }
  // The sum counts 2^(largest - 23 - kExtraBits). What is below that is cut off, of magnitudes.
  for (int column = 0; column < kColumns; ++column) {
    const int64_t cut = (static_cast<int64_t>(start.magnitude[column]) << kExtraBits) >>
                        std::clamp(largest[column] - start.exponent[column], 0, 63);
    sum[column] = (cut ^ start.sign[column]) - start.sign[column];
  }
  const int up = 23 + kExtraBits - 2 * fraction;
  for (int k = 0; k < kTerms; ++k) {
    for (int column = 0; column < kColumns; ++column) {
      const int64_t product = static_cast<int64_t>(a[k].magnitude * b[k].magnitude[column]) << up;
      const int64_t cut = product >> std::clamp(largest[column] - a[k].exponent - b[k].exponent[column], 0, 63);
      const int64_t sign = a[k].sign ^ b[k].sign[column];
      sum[column] += (cut ^ sign) - sign;
    }
  }
  for (int column = 0; column < kColumns; ++column)
    if (largest[column] != kNone) c[column] = cut_to_float(sum[column], largest[column] - 23 - kExtraBits);
}

template <class E>
struct Format;
template <>
struct Format<Bf16> {
  static constexpr int kFraction = 7, kExponentBits = 8;
};
template <>
struct Format<Fp16> {
  static constexpr int kFraction = 10, kExponentBits = 5;
};

// a is 16 x kDepth, b has kDepth rows, of which a lane holds parts as the fragment maps of kernels/machine/machine.h
// say.
template <class E, int kDepth>
struct Operands {
  static constexpr int kA = kDepth / 4, kB = kDepth / 8;
  E a[16][kDepth], b[kColumns][kDepth];  // b by columns
  float c[16][kColumns];
  bool finite = true;

  Operands(Warp& warp, const Instruction& i) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const int group = lane / 4, pair = lane % 4 * 2;
      const auto word = [&](int operand) { return as<uint32_t>(warp.lanes(i.in[operand])[lane]); };
      for (int k = 0; k < kA; ++k) set(a[group + k % 2 * 8] + pair + k / 2 * 8, word(k));
      for (int k = 0; k < kB; ++k) set(b[group] + pair + k * 8, word(kA + k));
      for (int k = 0; k < 4; ++k) {
        const float sum = std::bit_cast<float>(word(kA + kB + k));
        c[group + k / 2 * 8][pair + k % 2] = sum;
        finite = finite && std::isfinite(sum);
      }
    }
  }

 private:
  void set(E* pair, uint32_t word) {
    pair[0].bits = static_cast<uint16_t>(word);
    pair[1].bits = static_cast<uint16_t>(word >> 16);
    finite = finite && std::isfinite(to_float(pair[0])) && std::isfinite(to_float(pair[1]));
  }
};

template <class E, int kDepth>
void multiply(Warp& warp, const Instruction& i) {
  using F = Format<E>;
  const auto number = [](E x) { return number_of<F::kFraction, F::kExponentBits>(x.bits); };
  Operands<E, kDepth> in(warp, i);
  Row b[kDepth];
  for (int k = 0; k < kDepth; ++k)
    for (int column = 0; column < kColumns; ++column) b[k].set(column, number(in.b[column][k]));
  for (int row = 0; row < 16; ++row) {
    if (in.finite) {
      Number a[kDepth];
      for (int k = 0; k < kDepth; ++k) a[k] = number(in.a[row][k]);
      for (int k = 0; k < kDepth; k += kTerms) add_products(a + k, b + k, F::kFraction, in.c[row]);
    } else {
      for (int column = 0; column < kColumns; ++column)
        for (int k = 0; k < kDepth; ++k) in.c[row][column] += to_float(in.a[row][k]) * to_float(in.b[column][k]);
    }
  }
  for (int lane = 0; lane < kLanes; ++lane) {
    const int group = lane / 4, pair = lane % 4 * 2;
    for (int k = 0; k < 4; ++k) warp.lanes(i.out[k])[lane] = bits_of(in.c[group + k / 2 * 8][pair + k % 2]);
  }
}

template <class E, int kDepth>
constexpr Operation product{&multiply<E, kDepth>, Flow::together, Space::generic, 4, kDepth / 4 + kDepth / 8 + 4};

}  // namespace

Operation product_named(std::string_view name) {
  if (name == "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32") return product<Bf16, 16>;
  if (name == "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32") return product<Fp16, 16>;
  if (name == "mma.sync.aligned.m16n8k8.row.col.f32.bf16.bf16.f32") return product<Bf16, 8>;
  if (name == "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32") return product<Fp16, 8>;
  return {};
}

}  // namespace dermis::ptx
