// What contenders are checked against before they are timed: attention by plain fp32 products, a sequence and a key
// head at a time, from the same operands.
#pragma once

#include "benchmarks/attention/contender.h"

namespace dermis {

// o and the gradients of q, k, v, fp32 [tokens, heads, D] on the operands' device.
std::vector<at::Tensor> reference_results(const AttentionWorkload& workload, const AttentionOperands& operands);

// What a sound computation in this dtype stays below.
double allowed_error(at::ScalarType dtype);

}  // namespace dermis
