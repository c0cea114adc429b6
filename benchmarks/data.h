// `dermis bench data`: from the bytes of picture files to the planes that a model takes.
#pragma once

#include <string>

#include "benchmarks/timing.h"

namespace dermis {

struct DataBenchOptions {
  std::string real;  // folder of JPEG files; empty: practice images of 256 px
  int rounds = 11;
  int most = 150;    // pictures of the folder
  std::string peer;  // Python of an environment with torchvision and pillow; empty: no peers
  std::string peer_script = "benchmarks/peers/data_peer.py";
};

// Decode + Pillow-exact bicubic to 224 of small JPEG files and of a 12-megapixel JPEG, each against decoding alone in
// the same rounds (the limit); the small files against the peers, and on two threads against one and against two
// processes, which share nothing; the practice-image generator.
BenchmarkReport bench_data(const DataBenchOptions& options);

}  // namespace dermis
