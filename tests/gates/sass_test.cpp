#include "tests/gates/sass.h"

#include <gtest/gtest.h>

namespace dermis::gates {
namespace {

TEST(Sass, CountsTheOpcodesOfEveryKernelAndArchitecture) {
  const auto kernels = read_sass(R"sass(
Fatbin elf code:
================
arch = sm_80

	code for sm_80
	.target	sm_80

		Function : _Z1av
	.headerflags	@"EF_CUDA_SM80 EF_CUDA_VIRTUAL_SM(EF_CUDA_SM80)"
        /*0000*/                   MOV R1, c[0x0][0x28] ;            /* 0x00000a0000017a02 */
                                                                     /* 0x000fe40000000f00 */
        /*0010*/              @!P0 LDGSTS.E.BYPASS.128 [R5], [R2.64] ;  /* 0x0000000002057fae */
        /*0020*/                   LDSM.16.M88.4 R8, [R4] ;          /* 0x000000000408783b */
        /*0030*/                   HMMA.16816.F32.BF16 R4, R8, R2, R4 ;  /* 0x000000020804723c */
        /*0040*/                   HMMA.1688.F32 R4, R8, R2, R4 ;    /* 0x000000020804723c */
        /*0050*/                   MUFU.EX2 R3, R3 ;                 /* 0x0000000300037308 */
        /*0060*/                   MUFU.RCP R3, R3 ;                 /* 0x0000000300037308 */
        /*0070*/                   BAR.SYNC 0x0 ;                    /* 0x0000000000007b1d */
        /*0080*/               @P0 EXIT ;                            /* 0x000000000000094d */
		..........
	code for sm_90a
		Function : _Z1av
        /*0000*/                   STL [R1], R2 ;                    /* 0x00000a0000017a02 */
        /*0008*/                   BRA.DIV UR4, 0x40 ;               /* 0x00000a0000017a02 */
        /*0010*/              @!P1 LDL.64 R2, [R1] ;                 /* 0x00000a0000017a02 */
)sass");
  ASSERT_EQ(kernels.size(), 2U);
  EXPECT_EQ(kernels.at({"_Z1av", "sm_80"}),
            (Opcodes{.hmma = 2, .ldsm = 1, .ldgsts = 1, .ex2 = 1, .barriers = 1, .local = 0}));
  EXPECT_EQ(kernels.at({"_Z1av", "sm_90a"}), (Opcodes{.local = 2, .parted = 1}));
}

}  // namespace
}  // namespace dermis::gates
