// Rounding and the arithmetic of a thread.
#include "tests/emulator/numbers.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "tests/device/emulator/fault_of.h"

namespace dermis {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
const float kNan = std::numeric_limits<float>::quiet_NaN();

TEST(Numbers, Bf16ByHand) {
  EXPECT_EQ(round_to_bf16(1.0f), 0x3f80);
  EXPECT_EQ(round_to_bf16(1.0f + 0x1p-8f), 0x3f80);             // tie: to the even one below
  EXPECT_EQ(round_to_bf16(1.0f + 3 * 0x1p-8f), 0x3f82);         // tie: to the even one above
  EXPECT_EQ(round_to_bf16(1.0f + 0x1p-8f + 0x1p-20f), 0x3f81);  // past the tie
  EXPECT_EQ(round_to_bf16(-0.0f), 0x8000);
  EXPECT_EQ(round_to_bf16(std::numeric_limits<float>::max()), 0x7f80);  // rounds up to infinity
  EXPECT_EQ(round_to_bf16(-kInfinity), 0xff80);
  EXPECT_EQ(round_to_bf16(kNan), 0x7fff);
  EXPECT_EQ(round_to_bf16(-kNan), 0x7fff);
  EXPECT_EQ(round_to_bf16(0x1p-133f), 0x0001);  // the least subnormal
  EXPECT_EQ(to_float(Bf16{0xc040}), -3.0f);
}

TEST(Numbers, Fp16ByHand) {
  EXPECT_EQ(round_to_fp16(1.0f), 0x3c00);
  EXPECT_EQ(round_to_fp16(1.0f + 0x1p-11f), 0x3c00);
  EXPECT_EQ(round_to_fp16(1.0f + 3 * 0x1p-11f), 0x3c02);
  EXPECT_EQ(round_to_fp16(65504.0f), 0x7bff);
  EXPECT_EQ(round_to_fp16(65519.9f), 0x7bff);
  EXPECT_EQ(round_to_fp16(65520.0f), 0x7c00);
  EXPECT_EQ(round_to_fp16(-1e30f), 0xfc00);
  EXPECT_EQ(round_to_fp16(kNan), 0x7fff);
  EXPECT_EQ(round_to_fp16(0x1p-14f), 0x0400);             // the least normal
  EXPECT_EQ(round_to_fp16(0x1p-14f - 0x1p-26f), 0x0400);  // rounds up to it
  EXPECT_EQ(round_to_fp16(0x1p-24f), 0x0001);             // the least subnormal
  EXPECT_EQ(round_to_fp16(0x1p-25f), 0x0000);             // tie: to zero
  EXPECT_EQ(round_to_fp16(3 * 0x1p-25f), 0x0002);         // tie: to even
  EXPECT_EQ(round_to_fp16(-0x1p-25f - 0x1p-40f), 0x8001);
  EXPECT_EQ(to_float(Fp16{0x0001}), 0x1p-24f);
  EXPECT_EQ(to_float(Fp16{0x83ff}), -1023 * 0x1p-24f);
  EXPECT_EQ(to_float(Fp16{0xfc00}), -kInfinity);
  EXPECT_TRUE(std::isnan(to_float(Fp16{0x7e00})));
}

// Every 16-bit number, and the doubles around the middle between it and the next one.
template <class E>
void check_every_number(uint16_t infinity) {
  for (uint16_t bits = 0; bits < infinity; ++bits) {
    const double here = as_double(E{bits});
    ASSERT_EQ(from_float<E>(static_cast<float>(here)).bits, bits);
    ASSERT_EQ(from_double<E>(-here).bits, bits | 0x8000);
    if (bits + 1 == infinity) break;
    const double middle = (here + as_double(E{static_cast<uint16_t>(bits + 1)})) / 2;
    const uint16_t even = bits % 2 == 0 ? bits : static_cast<uint16_t>(bits + 1);
    ASSERT_EQ(from_float<E>(static_cast<float>(middle)).bits, even);
    ASSERT_EQ(from_double<E>(middle).bits, even);
    // So close to the middle that a float would lose the difference: double rounding would go wrong here.
    ASSERT_EQ(from_double<E>(std::nextafter(middle, 0.0)).bits, bits);
    ASSERT_EQ(from_double<E>(std::nextafter(middle, here + 1e300)).bits, bits + 1);
  }
}
TEST(Numbers, EveryBf16) { check_every_number<Bf16>(0x7f80); }
TEST(Numbers, EveryFp16) { check_every_number<Fp16>(0x7c00); }

TEST(Numbers, FromDoubleOverflows) {
  EXPECT_EQ(from_double<Fp16>(65520.0).bits, 0x7c00);
  EXPECT_EQ(from_double<Fp16>(std::nextafter(65520.0, 0.0)).bits, 0x7bff);
  EXPECT_EQ(from_double<Bf16>(-1e300).bits, 0xff80);
  EXPECT_EQ(from_double<Bf16>(std::nan("")).bits, 0x7fff);
}

TEST(Numbers, Arithmetic) {
  const Emulator m;
  EXPECT_EQ(m.exp2(3.0f), 8.0f);
  EXPECT_EQ(m.exp2(-126.0f), 0x1p-126f);
  EXPECT_EQ(m.exp2(-126.5f), 0.0f);  // a subnormal result
  EXPECT_EQ(m.exp2(-kInfinity), 0.0f);
  EXPECT_EQ(m.exp2(kInfinity), kInfinity);
  EXPECT_TRUE(std::isnan(m.exp2(kNan)));
  EXPECT_EQ(m.log2(8.0f), 3.0f);
  EXPECT_EQ(m.log2(0x1p-130f), -kInfinity);  // a subnormal operand
  EXPECT_EQ(m.log2(0.0f), -kInfinity);
  EXPECT_TRUE(std::isnan(m.log2(-1.0f)));
  EXPECT_EQ(m.reciprocal(4.0f), 0.25f);
  EXPECT_EQ(m.reciprocal(0x1p127f), 0.0f);          // a subnormal result
  EXPECT_EQ(m.reciprocal(-0x1p-130f), -kInfinity);  // a subnormal operand
  EXPECT_EQ(m.rsqrt(16.0f), 0.25f);
  EXPECT_EQ(m.fma(1.0f + 0x1p-12f, 1.0f - 0x1p-12f, -1.0f), -0x1p-24f);  // the product is not rounded
}

TEST(Numbers, PackPutsTheFirstLow) {
  const Emulator m;
  EXPECT_EQ(m.pack<Bf16>(1.0f, -2.0f), 0xc0003f80u);
  EXPECT_EQ(m.pack<Fp16>(1.0f, -2.0f), 0xc0003c00u);
  float low = 0, high = 0;
  m.unpack<Fp16>(0xc0003c00u, low, high);
  EXPECT_EQ(low, 1.0f);
  EXPECT_EQ(high, -2.0f);
  EXPECT_EQ(m.from_float<Bf16>(0.5f).bits, 0x3f00);
  EXPECT_EQ(m.from_float<float>(0.1f), 0.1f);
  EXPECT_EQ(m.to_float(0.1f), 0.1f);
}

}  // namespace
}  // namespace dermis
