// `dermis bench attention`: interval-mask attention against ATen's scaled_dot_product_attention with the dense mask
// that transformers gives it, fp32 on the CPU, forward and forward + backward.
#pragma once

#include <string>
#include <vector>

#include "benchmarks/timing.h"

namespace dermis {

struct AttentionBenchOptions {
  int rounds = 10;
  int threads = 2;
  std::vector<std::string> sizes;  // names from attention_bench_sizes(); empty: all
};

std::vector<std::string> attention_bench_sizes();

// Throws Error(usage) for an unknown size and Error(internal) when outputs or gradients differ from the peer's.
BenchmarkReport bench_attention(const AttentionBenchOptions& options);

}  // namespace dermis
