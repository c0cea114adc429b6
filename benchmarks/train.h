// `dermis bench train`: speed and memory of training against the peer, in one interleaved run.
#pragma once

#include <functional>
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
  std::vector<std::string> peer_modes{"eager", "compile"};  // each is a process
};

struct TrainBenchSide {
  std::string name;
  std::vector<double> step_s{};  // one a repeat
  double peak_mib = 0;           // of the process on a CPU, of what it holds in the GPU's memory there
};

struct TrainBenchResult {
  Placement placement;
  TrainBenchSide dermis;
  std::vector<TrainBenchSide> peers;  // one a mode
  double samples = 0;                 // a step
  double flops = 0;                   // a step
  double loss = 0;
};

// With a peer, `alone` gets our own figures before the peer starts, which may take minutes or end the run; the result's
// are measured again, interleaved with the peer's.
TrainBenchResult bench_train(const TrainBenchOptions& options,
                             const std::function<void(const TrainBenchResult&)>& alone = {});
// A table for people, then one JSON line.
std::string describe(const TrainBenchOptions& options, const TrainBenchResult& result);

}  // namespace dermis
