// `dermis bench train`: speed and memory of training against the peer, in one interleaved run.
#pragma once

#include <string>
#include <vector>

#include "models/placement.h"

namespace dermis {

struct TrainBenchOptions {
  std::string preset = "nano";
  bool mixed = false;
  int repeats = 10;
  int steps = 0;  // a repeat; 0: about a second's worth
  int threads = 2;
  std::string device = "auto", precision = "auto";  // choose_placement of models/placement.h
  int batch = 0;                                    // samples a step; 0: the preset's
  std::string peer;  // Python of an environment with torch and transformers; empty: no peer
  std::string peer_script = "benchmarks/peers/train_peer.py";
};

struct TrainBenchSide {
  std::string name;
  std::vector<double> step_s{};  // one a repeat
  double peak_mib = 0;           // of the process on a CPU, of what it holds in the GPU's memory there
};

struct TrainBenchResult {
  Placement placement;
  TrainBenchSide dermis;
  std::vector<TrainBenchSide> peers;  // eager, compiled
  double samples = 0;                 // a step
  double flops = 0;                   // a step
  double loss = 0;
};

TrainBenchResult bench_train(const TrainBenchOptions& options);
// A table for people, then one JSON line.
std::string describe(const TrainBenchOptions& options, const TrainBenchResult& result);

}  // namespace dermis
