#include "kernels/operator_paths/operator_paths.h"

#include "kernels/simd/cpu_features.h"

namespace dermis {

std::vector<OperatorPath> operator_paths() {
  const InstructionSet set = instruction_set();
  const auto own = [set](const char* what) {
    return set == InstructionSet::portable ? std::string("LibTorch operators (needs AVX2 for ours)")
                                           : name_of(set) + std::string(" ") + what;
  };
  const std::string unproven = "LibTorch operators (own kernel built, never run on a device)";
  return {{"attention", own("tiles, no T x S buffer"), "LibTorch SDPA with a dense mask (no own kernel)"},
          {"rms_norm", own("rows, residual fused"), unproven},
          {"layer_norm", own("rows, residual fused"), "LibTorch operators"},
          {"rope", own("rows"), "LibTorch operators"},
          {"gelu_tanh, gated_gelu", own("elements"), "LibTorch operators"},
          {"dense", "LibTorch matrix product", "LibTorch matrix product"},
          {"linear_cross_entropy", own("rows over chunks of LibTorch products"), "LibTorch operators over chunks"},
          {"adamw_step", own("blocks, all tensors in one pass"), unproven},
          {"gradient_norm", own("blocks, fp64 sums"), "LibTorch operators"}};
}

}  // namespace dermis
