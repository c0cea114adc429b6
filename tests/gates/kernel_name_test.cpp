#include "tests/gates/kernel_name.h"

#include <gtest/gtest.h>

namespace dermis::gates {
namespace {

// Names as nvcc 13.0 mangles them.
TEST(KernelName, OfAPlainKernelInAnUnnamedNamespace) {
  const KernelName name = read_kernel_name(
      "_ZN6dermis49_GLOBAL__N__ba979f09_16_rms_norm_cuda_cu_adef054823rms_norm_forward_kernelEPKflS2_PflS3_lff");
  EXPECT_EQ(name.kernel, "rms_norm_forward_kernel");
  EXPECT_EQ(name.threads, 0);
}

TEST(KernelName, OfALaunchedKernelHoldsItsPlan) {
  // void dermis::run_on_gpu<dermis::Probe<dermis::Bf16, 64, (dermis::Kind)1>, 128, 2,
  // 65536u>(dermis::Probe<...>::Params)
  const KernelName name =
      read_kernel_name("_ZN6dermis10run_on_gpuINS_5ProbeINS_4Bf16ELi64ELNS_4KindE1EEELi128ELi2ELj65536EEEvNT_6ParamsE");
  EXPECT_EQ(name.kernel, "Probe<Bf16, 64, (Kind)1>");
  EXPECT_EQ(name.threads, 128);
  EXPECT_EQ(name.blocks_per_sm, 2);
  EXPECT_EQ(name.shared_dynamic, 65536U);
}

TEST(KernelName, OfWhatIsNotMangledStaysAsItIs) { EXPECT_EQ(read_kernel_name("plain").kernel, "plain"); }

}  // namespace
}  // namespace dermis::gates
