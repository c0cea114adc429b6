#include "kernels/operator_paths/operator_paths.h"

#include "kernels/cuda/cuda_kernels.h"
#include "kernels/simd/cpu_features.h"

namespace dermis {

std::vector<OperatorPath> operator_paths() {
  const InstructionSet set = instruction_set();
  const auto own = [set](const char* what) {
    return set == InstructionSet::portable ? std::string("LibTorch operators (needs AVX2 for ours)")
                                           : name_of(set) + std::string(" ") + what;
  };
  const bool chosen = gpu_operators() == GpuOperators::own;
  // Until a GPU has run `dermis selftest`: the kernels are proven in the emulator alone.
  const auto gpu = [chosen](const char* types, const char* others) {
    return chosen ? std::string("own kernel for ") + types + " (emulated, not yet run on a device); " + others
                  : std::string("LibTorch operators (chosen)");
  };
  const std::string floats = gpu("fp32, bf16, fp16", "fp64: LibTorch operators");
  const std::string heads =
      gpu("bf16, fp16 of head size 64, 72, 128, 256", "fp32, fp64: LibTorch operators with a dense mask");
  return {{"attention", own("tiles, no T x S buffer"), heads},
          {"attention_decode", own("tiles, no T x S buffer"), heads},
          {"rms_norm", own("rows, residual fused"), floats},
          {"layer_norm", own("rows, residual fused"), floats},
          {"rope", own("rows"), floats},
          {"gelu_tanh", own("elements"), floats},
          {"gated_gelu", own("elements"), floats},
          {"gated_silu", own("elements"), floats},
          {"dense", "LibTorch matrix product", "LibTorch matrix product"},
          {"embed_tokens", "LibTorch operators", floats},
          {"image_normalise", "LibTorch operators", floats},
          {"sample_tokens", "fp64, a row at a time", gpu("fp32, bf16, fp16", "fp64: copied to the CPU")},
          {"linear_cross_entropy", own("rows over chunks of LibTorch products"), floats},
          {"adamw_step", own("blocks, all tensors in one pass"),
           gpu("fp32 parameters and bf16 ones, with gradients in fp32, bf16, fp16", "fp64: LibTorch operators")},
          {"gradient_norm", own("blocks, fp64 sums"), floats}};
}

}  // namespace dermis
