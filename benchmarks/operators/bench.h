// `dermis bench operators`: the fused operators but attention, against what LibTorch's operators make of the same
// formula, each checked before it is timed. fp32 on the CPU, bf16 on a GPU.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "benchmarks/ceilings.h"
#include "benchmarks/contest/row.h"
#include "benchmarks/operators/operator_case.h"

namespace dermis {

struct OperatorBenchOptions {
  int rounds = 30;
  int threads = 2;                // of the CPU
  std::vector<std::string> only;  // names of operators; empty: all
  at::Device device = at::kCPU;
};

std::vector<std::string> operator_names(at::Device device);

// Throws Error(usage) for an unknown operator. A contender that throws or whose results are wrong is left in its row
// with the reason, ours too. `finished` is called after every row with what there is so far.
ContestResult bench_operators(const OperatorBenchOptions& options,
                              const std::function<void(const ContestResult&)>& finished = {});

// What a row is measured with: the parts that a test replaces.
struct OperatorBenchSetting {
  Stopwatch& stopwatch;
  Rate copy = {}, product = {};  // what the device reaches, asked once a round
  bool gpu = false;              // rates of products in TFLOP/s instead of GFLOP/s
  int rounds = 30;
  double sample_s = 2e-3;
};
ContestRow bench_operator(const OperatorRow& row, const OperatorBenchSetting& setting);

}  // namespace dermis
