// What attention is compared with, each on its own layout of the same operands.
#pragma once

#include "benchmarks/attention/contender.h"

namespace dermis {

// Made when its workload's turn comes; throws c10::Error when its library does not take the workload.
struct RivalMaker {
  std::string name;
  std::function<std::unique_ptr<AttentionContender>()> make;
};

// fp32 on the CPU: ATen's operator with a dense mask over the packed axis, and over a padded batch; with key heads
// repeated, as transformers does, and with enable_gqa.
std::vector<RivalMaker> cpu_rivals(const AttentionWorkload& workload, const AttentionOperands& operands);

// 16-bit on a GPU: each back end of ATen's operator chosen explicitly, on the packed axis where the mask allows it and
// on a padded batch with a dense mask otherwise; variable-length kernels for packed sequences; for prefix-LM two calls,
// rows of the prefix over the prefix and the other rows causally over all; for a cache with pages or a window, what is
// seen of it gathered or sliced in every call.
std::vector<RivalMaker> gpu_rivals(const AttentionWorkload& workload, const AttentionOperands& operands);

}  // namespace dermis
