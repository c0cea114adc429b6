// `dermis bench attention`: interval-mask attention against ATen's kernels in the same process, each checked before it
// is timed. fp32 on the CPU, 16-bit numbers on a GPU.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <functional>
#include <string>
#include <vector>

#include "benchmarks/attention/result.h"
#include "benchmarks/attention/rivals.h"
#include "benchmarks/stopwatch.h"

namespace dermis {

struct AttentionBenchOptions {
  int rounds = 30;
  int threads = 2;                 // of the CPU
  std::vector<std::string> sizes;  // names of workloads; empty: all
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;  // of the GPU's operands: bf16 or fp16
  bool cold = true;                   // also time runs that find nothing in the cache
};

std::vector<std::string> attention_workload_names(at::Device device);

// Throws Error(usage) for an unknown size. A contender, ours too, that its library refuses, or whose results are wrong,
// is left in the table with the reason. `finished` is called after every workload with what there is so far.
ContestResult bench_attention(const AttentionBenchOptions& options,
                              const std::function<void(const ContestResult&)>& finished = {});

// What one workload's rows are measured with: the parts that a test replaces.
struct AttentionBenchSetting {
  Stopwatch& stopwatch;
  // Operations (bytes for decode) a second that the device reaches, asked once a round.
  std::function<double(bool decode)> limit;
  int rounds = 30;
  double sample_s = 2e-3;  // a sample is of as many calls as last this long
  bool cold = true;
  bool joint_backward = false;  // time backward together with a forward pass
};
std::vector<ContestRow> bench_workload(const AttentionWorkload& workload, const AttentionOperands& operands,
                                       const std::vector<RivalMaker>& rivals, const AttentionBenchSetting& setting);

}  // namespace dermis
