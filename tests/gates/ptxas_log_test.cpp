#include "tests/gates/ptxas_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dermis::gates {
namespace {

constexpr const char* kClean = R"(ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z1av' for 'sm_80'
ptxas info    : Function properties for _Z1av
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 61 registers, used 1 barriers, 32 bytes smem, 436 bytes cmem[0]
ptxas info    : Compile time = 51.427 ms
ptxas info    : Compiling entry function '_Z1av' for 'sm_90a'
ptxas info    : Function properties for _Z1av
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 62 registers, used 1 barriers
ptxas info    : Compile time = 49.053 ms
)";

TEST(PtxasLog, FactsOfEveryKernelAndArchitecture) {
  const PtxasLog log = read_ptxas_log(kClean);
  ASSERT_EQ(log.kernels.size(), 2U);
  EXPECT_EQ(log.kernels[0].mangled, "_Z1av");
  EXPECT_EQ(log.kernels[0].architecture, "sm_80");
  EXPECT_EQ(log.kernels[0].registers, 61);
  EXPECT_EQ(log.kernels[0].shared_static, 32);
  EXPECT_EQ(log.kernels[1].architecture, "sm_90a");
  EXPECT_EQ(log.kernels[1].registers, 62);
  EXPECT_EQ(log.kernels[1].shared_static, 0);
  EXPECT_EQ(log.kernels[0].spilled + log.kernels[0].stack, 0);
  EXPECT_TRUE(log.notes.empty());
}

TEST(PtxasLog, SpillsAndStackOfTheKernelAndOfWhatItCalls) {
  const PtxasLog log = read_ptxas_log(R"(ptxas info    : Compiling entry function '_Z1av' for 'sm_80'
ptxas info    : Function properties for _Z1av
    48 bytes stack frame, 24 bytes spill stores, 20 bytes spill loads
ptxas info    : Function properties for _Z6helperv
    8 bytes stack frame, 0 bytes spill stores, 4 bytes spill loads
ptxas info    : Used 255 registers, used 1 barriers
)");
  ASSERT_EQ(log.kernels.size(), 1U);
  EXPECT_EQ(log.kernels[0].stack, 56);
  EXPECT_EQ(log.kernels[0].spilled, 48);
  EXPECT_EQ(log.kernels[0].registers, 255);
}

TEST(PtxasLog, WhatIsNotAPlainFactIsANote) {
  const std::string loss =
      "ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized due to...";
  const std::string warning = "a.cu(12): warning #177-D: variable \"x\" was declared but never referenced";
  const PtxasLog log = read_ptxas_log(kClean + loss + "\n\n" + warning + "\n");
  EXPECT_THAT(log.notes, ::testing::ElementsAre(loss, warning));
}

}  // namespace
}  // namespace dermis::gates
