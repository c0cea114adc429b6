// Branches, exchange, barriers and copies of PTX, and what breaks their rules.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/device/ptx/ptx_text.h"

namespace dermis::ptx {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

TEST(PtxWarp, LanesThatPartMeetAgain) {
  // Odd lanes loop as often as their number; all exchange afterwards.
  const auto found = words_after(R"(
	mov.u32 %r2, 0; and.b32 %r3, %r0, 1; setp.eq.s32 %p1, %r3, 0;
	@%p1 bra $L_even;
$L_loop:
	add.s32 %r2, %r2, 1; setp.lt.u32 %p2, %r2, %r0;
	@%p2 bra $L_loop;
	bra.uni $L_done;
$L_even:
	mov.u32 %r2, 100;
$L_done:
	shfl.sync.bfly.b32 %r4|%p3, %r2, 1, 31, -1;
	st.global.u32 [%rd1], %r4;)",
                                 {0}, 32);
  for (uint32_t lane = 0; lane < 32; ++lane) EXPECT_EQ(found[lane], lane % 2 == 1 ? 100 : lane + 1) << lane;
}

TEST(PtxWarp, PredicatesGuardSingleInstructions) {
  const auto found = words_after(
      "setp.lt.u32 %p1, %r0, 4; mov.u32 %r2, 1; @%p1 mov.u32 %r2, 2; @!%p1 add.s32 %r2, %r2, 10; st.global.u32 [%rd1], "
      "%r2;",
      {0}, 32);
  for (uint32_t lane = 0; lane < 32; ++lane) EXPECT_EQ(found[lane], lane < 4 ? 2U : 11U);
}

// What 22 of the kernels once did.
TEST(PtxWarp, AnExchangeInABranchOfSomeLanesIsAFault) {
  EXPECT_THAT(fault_of(R"(
	setp.ne.s32 %p1, %r0, 0; @%p1 bra $L_done;
	shfl.sync.idx.b32 %r2|%p2, %r0, 0, 31, -1;
$L_done:
	bar.sync 0;)",
                       {0}),
              HasSubstr("wait for all, which never come"));
}

TEST(PtxWarp, ABarrierThatAWarpLeavesOutCountsWithoutIt) {
  // The second warp has left; the first passes.
  EXPECT_EQ(fault_of("setp.ge.u32 %p1, %r0, 32; @%p1 ret; bar.sync 0;", {0}, {.threads = 64}), "");
}

TEST(PtxWarp, BarriersOrderWarps) {
  // Every thread reads what another warp's thread stored.
  const std::string body = R"(
	shl.b32 %r2, %r0, 2; add.s32 %r2, %r2, %r1; st.shared.u32 [%r2], %r0;
	bar.sync 0;
	xor.b32 %r3, %r0, 32; shl.b32 %r3, %r3, 2; add.s32 %r3, %r3, %r1; ld.shared.u32 %r4, [%r3];
	st.global.u32 [%rd1], %r4;)";
  for (uint64_t seed = 0; seed < 8; ++seed) {
    const auto found = words_after(body, {0}, 64, {.threads = 64, .schedule = {.seed = seed}});
    for (uint32_t thread = 0; thread < 64; ++thread) ASSERT_EQ(found[thread], thread ^ 32U);
  }
  // Without the barrier some schedule shows it: what nothing wrote is ones.
  std::string without = body;
  without.erase(without.find("bar.sync 0;"), 11);
  bool noticed = false;
  for (uint64_t seed = 0; seed < 8; ++seed) {
    const auto found = words_after(without, {0}, 64, {.threads = 64, .schedule = {.seed = seed}});
    for (const uint32_t word : found) noticed = noticed || word == ~0U;
  }
  EXPECT_TRUE(noticed);
}

const std::string kCopy = R"(
	shl.b32 %r2, %r0, 4; add.s32 %r2, %r2, %r1; mul.wide.u32 %rd5, %r0, 12; add.s64 %rd5, %rd0, %rd5;
	cp.async.cg.shared.global [%r2], [%rd5], 16, 8;
	cp.async.commit_group;
	)";

TEST(PtxWarp, CopiesArriveWhenTheyAreWaitedFor) {
  Words in(128);
  for (uint32_t i = 0; i < 128; ++i) in[i] = i;
  const std::string read = "ld.shared.u32 %r3, [%r2+4]; st.global.u32 [%rd1], %r3;";
  for (const CopyTime copies : {CopyTime::early, CopyTime::late}) {
    const Setting setting{.schedule = {.copies = copies}};
    const auto waited = words_after(kCopy + "cp.async.wait_group 0;" + read, in, 32, setting);
    for (uint32_t lane = 0; lane < 32; ++lane) EXPECT_EQ(waited[lane], 4 * lane + 1);
    EXPECT_THAT(words_after(kCopy + "cp.async.wait_group 0; ld.shared.u32 %r3, [%r2+8]; st.global.u32 [%rd1], %r3;", in,
                            32, setting),
                Each(0U))
        << "behind the valid bytes";
  }
  EXPECT_THAT(words_after(kCopy + "cp.async.wait_group 1;" + read, in, 32, {.schedule = {.copies = CopyTime::late}}),
              Each(~0U))
      << "one group may be on its way";
}

TEST(PtxWarp, AddressesAreChecked) {
  EXPECT_THAT(fault_of("ld.global.u32 %r2, [%rd0+4];", Words(32)), HasSubstr("is in no buffer: lanes ffffffff"));
  EXPECT_THAT(fault_of("st.global.u32 [%rd1+2], %r0;", Words(32)), HasSubstr("is not aligned"));
  EXPECT_THAT(fault_of("ld.global.v2.u32 {%r2, %r3}, [%rd0];", Words(64)), HasSubstr("is not aligned"));
  EXPECT_THAT(fault_of("st.shared.u32 [%r1+1024], %r0;", {0}), HasSubstr("shared address 0x800 of 4 bytes is outside"));
  EXPECT_THAT(fault_of("mov.u32 %r2, 0; ld.shared.u32 %r3, [%r2];", {0}), HasSubstr("is outside"))
      << "shared memory does not begin at 0";
}

TEST(PtxWarp, WhatIsNotKnownIsNamed) {
  EXPECT_THAT(fault_of("sin.approx.f32 %f1, %f2;", {0}),
              HasSubstr("not understood: an operation: 'sin.approx.f32 %f1, %f2'"));
  EXPECT_THAT(fault_of("mov.u32 %r32, 0;", {0}), HasSubstr("a register that is not declared: '%r32'"));
  EXPECT_THAT(fault_of("bra $L_nowhere;", {0}), HasSubstr("no such label: '$L_nowhere'"));
}

}  // namespace
}  // namespace dermis::ptx
