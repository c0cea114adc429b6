// Every primitive of the machine on a GPU against the emulator, word for word or within the error that NVIDIA
// documents. Without a GPU the probes still run in the emulator, which checks that they are sound.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <ostream>
#include <utility>

#include "core/random.h"
#include "tests/device/probes/probe_kernels.h"
#include "tests/emulator/emulate.h"
#include "tests/emulator/numbers.h"

namespace dermis::probes {
namespace {

// How far word `i` of the output may be from the emulator's: as a float, |a - b| <= relative * |b| + absolute; both
// zero: the same word.
struct Tolerance {
  float relative = 0, absolute = 0;
};

using Words = std::vector<uint32_t>;

template <class K>
Words run_probe(const Words& in, uint64_t seed) {
  EmulatedDevice device;
  DeviceBuffer<uint32_t> device_in(device, in), out(device, K::kOut), counter(device, 1);
  counter.upload(Words{0});
  emulate<K>(device, launch_of<K>(), {device_in.data(), out.data(), counter.data()},
             {.seed = seed, .resident_blocks = K::kBlocks});
  EXPECT_EQ(out.unwritten(), 0U);
  return out.download();
}

struct Case {
  std::string name;
  Words (*run)(const Words& in, uint64_t seed);
  Words in;
  std::function<Tolerance(size_t)> tolerance;

  // GoogleTest would print its bytes, addresses among them.
  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }
};

uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }

Random random_of(uint64_t stream) { return Random(7, RandomPurpose::selftest, stream); }

Words random_words(size_t count) {
  Random random = random_of(1);
  Words words(count);
  for (uint32_t& word : words) word = random.bits();
  return words;
}

template <class E>
uint32_t pair_of(double low, double high) {
  return from_double<E>(low).bits | static_cast<uint32_t>(from_double<E>(high).bits) << 16;
}

template <class E>
Words random_pairs(size_t count) {
  Random random = random_of(2);
  Words words(count);
  for (uint32_t& word : words) {
    const double low = random.normal();
    word = pair_of<E>(low, random.normal());
  }
  return words;
}

// Small integers, whose products and sums are exact in any order, or normal numbers.
template <class E, int Depth>
Words product_operands(bool integers) {
  using K = ProductProbe<E, Depth>;
  Random random = random_of(3);
  const auto draw = [&] { return integers ? static_cast<double>(random.below(17)) - 8 : random.normal(); };
  Words words(K::kIn);
  for (size_t i = 0; i < words.size(); ++i) {
    const double low = draw();
    words[i] = i % K::kWords < 4 ? bits(static_cast<float>(low)) : pair_of<E>(low, draw());
  }
  return words;
}

// Ties, limits and special numbers first, then a sweep over exponents.
Words hard_floats() {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  std::vector<float> x = {0.0f,          -0.0f,     1.0f,         -1.0f,      kInf,         -kInf,
                          std::nanf(""), 0x1.01p0f, 0x1.03p0f,    0x1.008p0f, 0x1.018p0f,   0x1.002p0f,
                          0x1.006p0f,    65504.0f,  65519.99f,    65520.0f,   -65536.0f,    3.4e38f,
                          -3.4e38f,      1e-40f,    -1e-40f,      0x1p-24f,   0x1p-25f,     0x1.000002p-25f,
                          0x1.8p-24f,    0x1p-14f,  0x1.ffcp-15f, 0x1p-126f,  0x1.fep-127f, -126.0f,
                          -149.0f,       -150.0f,   127.0f,       127.99f,    128.0f};
  Random random = random_of(4);
  while (x.size() < 256) {
    const bool wide = x.size() % 2 == 0;
    const double magnitude = wide ? std::exp2(random.uniform() * 60 - 30) : random.uniform() * 140;
    x.push_back(static_cast<float>(random.below(2) == 0 ? magnitude : -magnitude));
  }
  Words words(x.size());
  std::transform(x.begin(), x.end(), words.begin(), bits);
  return words;
}

Tolerance math_tolerance(size_t i) {
  constexpr float kApproximate = 0x1p-21f;  // PTX ISA: about 2^-22, of log2 in absolute terms near 1
  switch (i / MathProbe::kIn) {
    case 0: return {kApproximate, 0x1p-125f};  // results around the smallest normal number may be flushed
    case 1: return {kApproximate, kApproximate};
    case 2: return {kApproximate, 0x1p-125f};
    case 3: return {kApproximate, 0};
    default: return {0, 0};
  }
}

Tolerance exact(size_t) { return {}; }

template <class K>
Case case_of(const char* name, Words in, Tolerance (*tolerance)(size_t) = exact) {
  return {name, &run_probe<K>, std::move(in), tolerance};
}

// Sums of 16 products of normal numbers in another order and with the tensor cores' truncation.
Tolerance product_tolerance(size_t) { return {0x1p-18f, 0x1p-15f}; }
Tolerance tile_tolerance(size_t) { return {0x1p-8f, 0x1p-6f}; }  // weights that lie at a tie may round either way

std::vector<Case> all_cases() {
  const Words rows = random_words(128), hard = hard_floats();
  return {
      case_of<LoadMatrixProbe<1, false>>("load_matrix_1", rows),
      case_of<LoadMatrixProbe<2, false>>("load_matrix_2", rows),
      case_of<LoadMatrixProbe<4, false>>("load_matrix_4", rows),
      case_of<LoadMatrixProbe<1, true>>("load_matrix_transposed_1", rows),
      case_of<LoadMatrixProbe<2, true>>("load_matrix_transposed_2", rows),
      case_of<LoadMatrixProbe<4, true>>("load_matrix_transposed_4", rows),
      case_of<ProductProbe<Bf16, 16>>("mma_k16_bf16_integers", product_operands<Bf16, 16>(true)),
      case_of<ProductProbe<Bf16, 8>>("mma_k8_bf16_integers", product_operands<Bf16, 8>(true)),
      case_of<ProductProbe<Fp16, 16>>("mma_k16_fp16_integers", product_operands<Fp16, 16>(true)),
      case_of<ProductProbe<Fp16, 8>>("mma_k8_fp16_integers", product_operands<Fp16, 8>(true)),
      case_of<ProductProbe<Bf16, 16>>("mma_k16_bf16", product_operands<Bf16, 16>(false), product_tolerance),
      case_of<ProductProbe<Fp16, 16>>("mma_k16_fp16", product_operands<Fp16, 16>(false), product_tolerance),
      case_of<ProductProbe<Bf16, 8>>("mma_k8_bf16", product_operands<Bf16, 8>(false), product_tolerance),
      case_of<CopyProbe>("copy_async", random_words(CopyProbe::kIn)),
      case_of<ExchangeProbe>("shuffle_any", random_words(ExchangeProbe::kIn)),
      case_of<MathProbe>("math", hard, math_tolerance),
      case_of<RoundingProbe<Bf16>>("rounding_bf16", hard),
      case_of<RoundingProbe<Fp16>>("rounding_fp16", hard),
      case_of<MemoryProbe>("loads_stores", random_words(MemoryProbe::kIn)),
      case_of<LastBlockProbe>("last_block", random_words(LastBlockProbe::kIn)),
      case_of<TileProbe<Bf16, 64>>("tile_bf16_64", random_pairs<Bf16>(TileProbe<Bf16, 64>::kIn), tile_tolerance),
      case_of<TileProbe<Bf16, 72>>("tile_bf16_72", random_pairs<Bf16>(TileProbe<Bf16, 72>::kIn), tile_tolerance),
      case_of<TileProbe<Bf16, 128>>("tile_bf16_128", random_pairs<Bf16>(TileProbe<Bf16, 128>::kIn), tile_tolerance),
      case_of<TileProbe<Bf16, 256>>("tile_bf16_256", random_pairs<Bf16>(TileProbe<Bf16, 256>::kIn), tile_tolerance),
      case_of<TileProbe<Fp16, 72>>("tile_fp16_72", random_pairs<Fp16>(TileProbe<Fp16, 72>::kIn), tile_tolerance),
      case_of<TileProbe<Fp16, 128>>("tile_fp16_128", random_pairs<Fp16>(TileProbe<Fp16, 128>::kIn), tile_tolerance),
  };
}

bool close(uint32_t found, uint32_t expected, Tolerance tolerance) {
  if (found == expected) return true;
  const float a = std::bit_cast<float>(found), b = std::bit_cast<float>(expected);
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
  if (tolerance.relative == 0 && tolerance.absolute == 0) return false;
  return std::fabs(a - b) <= tolerance.relative * std::fabs(b) + tolerance.absolute;
}

class Probes : public ::testing::TestWithParam<Case> {};

TEST_P(Probes, AgreeWithTheEmulator) {
  const Case& probe = GetParam();
  const Words found = probe.run(probe.in, 2);
  KernelLauncher* elsewhere = std::exchange(kernel_launcher(), nullptr);
  const Words expected = probe.run(probe.in, 1);
  kernel_launcher() = elsewhere;
  ASSERT_EQ(found.size(), expected.size());
  size_t wrong = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    if (close(found[i], expected[i], probe.tolerance(i))) continue;
    if (++wrong > 8) continue;  // the first few tell enough
    ADD_FAILURE() << "word " << i << ": found " << std::hex << found[i] << " (" << std::bit_cast<float>(found[i])
                  << "), emulator " << expected[i] << " (" << std::bit_cast<float>(expected[i]) << ")";
  }
  EXPECT_EQ(wrong, 0U) << "of " << found.size() << " words";
}

INSTANTIATE_TEST_SUITE_P(Machine, Probes, ::testing::ValuesIn(all_cases()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace dermis::probes
