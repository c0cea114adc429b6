// Operations of PTX by hand-worked cases.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "tests/device/ptx/ptx_text.h"

namespace dermis::ptx {
namespace {

using ::testing::ElementsAre;

// Of one thread, whose result is in %r2.
uint32_t result_of(const std::string& body) {
  return words_after(body + "\n\tst.global.u32 [%rd1], %r2;", {0}, 1, {.threads = 1})[0];
}
float float_of(const std::string& body) { return std::bit_cast<float>(result_of(body + "\n\tmov.b32 %r2, %f2;")); }

TEST(PtxOperations, Integers) {
  EXPECT_EQ(result_of("mov.u32 %r3, -7; div.s32 %r2, %r3, 2;"), static_cast<uint32_t>(-3));
  EXPECT_EQ(result_of("mov.u32 %r3, -7; rem.s32 %r2, %r3, 2;"), static_cast<uint32_t>(-1));
  EXPECT_EQ(result_of("mov.u32 %r3, -7; div.u32 %r2, %r3, 2;"), 0x7ffffffcU);
  EXPECT_EQ(result_of("mov.u32 %r3, -2; mul.hi.s32 %r2, %r3, 5;"), ~0U);
  EXPECT_EQ(result_of("mov.u32 %r3, -2; mad.lo.s32 %r2, %r3, 5, 11;"), 1U);
  EXPECT_EQ(result_of("mov.u32 %r3, -2; mul.wide.s32 %rd5, %r3, 3; shr.u64 %rd6, %rd5, 32; cvt.u32.u64 %r2, %rd6;"),
            ~0U);
  EXPECT_EQ(result_of("mov.u32 %r3, -2; min.s32 %r2, %r3, 1;"), static_cast<uint32_t>(-2));
  EXPECT_EQ(result_of("mov.u16 %rs1, 40000; mul.wide.u16 %r2, %rs1, 3;"), 120000U);
  EXPECT_EQ(result_of("mov.u32 %r3, -1; cvt.s64.s32 %rd5, %r3; cvt.u32.u64 %r2, %rd5;"), ~0U);
}

TEST(PtxOperations, Bits) {
  EXPECT_EQ(result_of("mov.u32 %r3, 1; shl.b32 %r2, %r3, 32;"), 0U) << "a shift by all bits leaves none";
  EXPECT_EQ(result_of("mov.u32 %r3, -8; shr.s32 %r2, %r3, 40;"), ~0U);
  EXPECT_EQ(result_of("mov.u32 %r3, -8; shr.u32 %r2, %r3, 28;"), 15U);
  EXPECT_EQ(result_of("mov.u32 %r3, 5; bfi.b32 %r2, %r3, -1, 4, 8;"), 0xfffff05fU);
  EXPECT_EQ(result_of("mov.u32 %r3, 0x44332211; mov.u32 %r4, 0x88776655; prmt.b32 %r2, %r3, %r4, 0x7520;"),
            0x88663311U);
  EXPECT_EQ(result_of("mov.u32 %r3, 0x00000080; prmt.b32 %r2, %r3, 0, 0x9800;") & 0xffff0000U, 0x00ff0000U)
      << "bit 3 of a choice spreads the sign of the byte";
  EXPECT_EQ(result_of("mov.u32 %r3, 7; mov.u32 %r4, 9; mov.b64 %rd5, {%r3, %r4}; mov.b64 {%r5, %r2}, %rd5;"), 9U);
}

TEST(PtxOperations, ComparisonsWithWhatIsNoNumber) {
  const auto comparison = [](const std::string& op) {
    return result_of("mov.f32 %f1, 0f7FC00000; setp." + op + ".f32 %p1, %f1, 0f3F800000; selp.u32 %r2, 1, 0, %p1;");
  };
  for (const char* op : {"lt", "le", "gt", "ge", "eq", "ne"}) EXPECT_EQ(comparison(op), 0U) << op;
  for (const char* op : {"ltu", "leu", "gtu", "geu", "equ", "neu"}) EXPECT_EQ(comparison(op), 1U) << op;
  EXPECT_EQ(float_of("mov.f32 %f1, 0f7FC00000; max.f32 %f2, %f1, 0fBF800000;"), -1.0F) << "the other one";
}

TEST(PtxOperations, Conversions) {
  EXPECT_EQ(result_of("mov.f32 %f1, 0fC0200000; cvt.rzi.u32.f32 %r2, %f1;"), 0U) << "-2.5";
  EXPECT_EQ(result_of("mov.f32 %f1, 0f4F800000; cvt.rzi.u32.f32 %r2, %f1;"), ~0U) << "2^32";
  EXPECT_EQ(result_of("mov.f32 %f1, 0f3F800000; mov.f32 %f3, 0f40000000; cvt.rn.bf16x2.f32 %r2, %f3, %f1;"),
            0x40003f80U)
      << "the first operand is the high half";
  EXPECT_EQ(result_of("mov.f32 %f1, 0f3F800000; mov.f32 %f3, 0f40000000; cvt.rn.f16x2.f32 %r2, %f3, %f1;"),
            0x40003c00U);
  EXPECT_EQ(float_of("mov.u16 %rs1, 0x3555; cvt.f32.f16 %f2, %rs1;"), 0x1.554p-2F);
  EXPECT_EQ(float_of("mov.u32 %r3, 16777217; cvt.rn.f32.u32 %f2, %r3;"), 16777216.0F);
}

TEST(PtxOperations, ApproximationsAreExactOrOneOff) {
  EXPECT_EQ(float_of("mov.f32 %f1, 0f40400000; ex2.approx.ftz.f32 %f2, %f1;"), 8.0F);
  EXPECT_EQ(float_of("mov.f32 %f1, 0fFF800000; ex2.approx.ftz.f32 %f2, %f1;"), 0.0F);
  EXPECT_EQ(float_of("mov.f32 %f1, 0fC3000000; ex2.approx.ftz.f32 %f2, %f1;"), 0.0F) << "2^-128 is subnormal";
  EXPECT_EQ(float_of("mov.f32 %f1, 0f40800000; rcp.approx.ftz.f32 %f2, %f1;"), 0.25F);
  EXPECT_EQ(float_of("mov.f32 %f1, 0f40800000; rsqrt.approx.f32 %f2, %f1;"), 0.5F);
  int moved = 0;
  for (int i = 0; i < 64; ++i) {
    const float x = 1.0F + static_cast<float>(i) / 37.0F, exact = std::exp2(x);
    const float found =
        float_of(fmt::format("mov.f32 %f1, 0f{:08X}; ex2.approx.ftz.f32 %f2, %f1;", std::bit_cast<uint32_t>(x)));
    EXPECT_NEAR(found, exact, 2 * std::numeric_limits<float>::epsilon() * exact);
    moved += found != exact;
  }
  EXPECT_GT(moved, 10) << "what a GPU may not give exactly must not be exact here";
}

// a: one 1 in row 0 and column 0; b: row 0 is `products`; so d[0][c] = c[0][c] + products[c] and so on. Here each lane
// gives the fragments by the maps of machine.h, all of row 0 of a, and b's columns alike.
float row_sum(const std::array<float, 16>& products, float start) {
  const auto bits = [](float x) { return std::bit_cast<uint32_t>(x) >> 16; };  // exact in bf16
  std::string body;
  for (int pair = 0; pair < 4; ++pair) {
    for (int half = 0; half < 2; ++half) {
      const auto low = bits(products[static_cast<size_t>(2 * pair + 8 * half)]);
      const auto high = bits(products[static_cast<size_t>(2 * pair + 8 * half + 1)]);
      body += fmt::format("setp.eq.s32 %p1, %r3, {}; selp.b32 %r{}, {}, %r{}, %p1;\n", pair, 10 + half,
                          high << 16 | low, 10 + half);
    }
  }
  const auto found = words_after(
      fmt::format("and.b32 %r3, %r0, 3; mov.u32 %r4, {0}; mov.u32 %r10, 0; mov.u32 %r11, 0;\n{1}"
                  "mov.f32 %f1, 0f{2:08X};\n"
                  "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {{%f2, %f3, %f4, %f5}}, {{%r4, %r4, %r4, %r4}}, "
                  "{{%r10, %r11}}, {{%f1, %f1, %f1, %f1}};\nst.global.f32 [%rd1], %f2;",
                  0x3f803f80, body, std::bit_cast<uint32_t>(start)),
      {0}, 32);
  for (const uint32_t word : found) EXPECT_EQ(word, found[0]);
  return std::bit_cast<float>(found[0]);
}

TEST(PtxOperations, ProductsAreCutOffWhereTensorCoresCut) {
  EXPECT_EQ(row_sum({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}, 0.5F), 136.5F);
  // One bit is kept below the 24 of the largest number, the start: 2^-24 twice becomes 2^-23, once it is cut off at
  // the end; 2^-25 never counts.
  EXPECT_EQ(row_sum({0x1p-24F, 0x1p-24F}, 1.0F), 1.0F + 0x1p-23F);
  EXPECT_EQ(row_sum({0x1p-24F}, 1.0F), 1.0F);
  EXPECT_EQ(row_sum({0x1p-25F, 0x1p-25F, 0x1p-25F, 0x1p-25F, 0x1p-25F, 0x1p-25F, 0x1p-25F, 0x1p-25F}, 1.0F), 1.0F);
  // Eight at once: in the second half the sum of the first is rounded already.
  EXPECT_EQ(row_sum({0x1p-24F, 0, 0, 0, 0, 0, 0, 0, 0x1p-24F}, 1.0F), 1.0F);
  EXPECT_EQ(row_sum({-0x1p-24F}, 1.0F), 1.0F - 0x1p-24F) << "exact below a power of two";
  EXPECT_EQ(row_sum({-0x1p-25F}, 1.0F), 1.0F) << "cut off towards zero, not rounded";
  EXPECT_TRUE(std::isinf(row_sum({std::numeric_limits<float>::infinity()}, 1.0F)));
}

TEST(PtxOperations, TransposedTilesArrive) {
  // Lane l stores row l of 16 bytes: numbers 8 l .. 8 l + 7 in a tile of eight rows.
  const std::string fill =
      "shl.b32 %r3, %r0, 4; add.s32 %r3, %r3, %r1; shl.b32 %r4, %r0, 3;\n"
      "setp.ge.u32 %p1, %r0, 8; @%p1 bra $L_full;\n"
      "mul.lo.s32 %r5, %r4, 65537; add.s32 %r5, %r5, 65536; add.s32 %r6, %r5, 131074; add.s32 %r7, %r6, 131074;\n"
      "add.s32 %r8, %r7, 131074; st.shared.v4.u32 [%r3], {%r5, %r6, %r7, %r8};\n"
      "$L_full: bar.warp.sync -1;\n";
  const auto straight =
      words_after(fill + "ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%r9}, [%r3]; st.global.u32 [%rd1], %r9;", {0}, 32);
  const auto transposed = words_after(
      fill + "ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%r9}, [%r3]; st.global.u32 [%rd1], %r9;", {0}, 32);
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const uint32_t row = lane / 4, column = lane % 4 * 2;
    EXPECT_EQ(straight[lane], (8 * row + column + 1) << 16 | (8 * row + column));
    EXPECT_EQ(transposed[lane], (8 * (column + 1) + row) << 16 | (8 * column + row));
  }
}

}  // namespace
}  // namespace dermis::ptx
