#pragma once

#include "core/cli/parse.h"
#include "infer/engine/engine.h"

namespace dermis {

// --device and --precision of the commands that open a model.
inline void add_engine_options(CLI::App& app, EngineOptions& options) {
  app.add_option("--device", options.device, "auto (a GPU when there is one), cpu, cuda or cuda:N")
      ->capture_default_str();
  app.add_option("--precision", options.precision, "auto (bf16 on a GPU, fp32 on a CPU), fp32, bf16 or fp16")
      ->capture_default_str();
}

}  // namespace dermis
