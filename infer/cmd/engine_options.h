#pragma once

#include <fmt/core.h>

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

// What was assumed of the model because its folder does not say it.
inline void print_notes(const Engine& engine) {
  for (const std::string& note : engine.load_report.notes) fmt::print(stderr, "note: {}\n", note);
}

// --views and --crops of the commands that score closed questions; check_views tells whether they fit each other.
inline void add_view_options(CLI::App& app, Views& views) {
  app.add_option("--views", views.count, "orientations averaged for closed questions")
      ->check(CLI::Range(1, 8))
      ->capture_default_str();
  app.add_option("--crops", views.crops,
                 "central parts (shares of a side) that these views take by turns: 1,0.87,0.75 suits models trained on "
                 "crops")
      ->delimiter(',')
      ->capture_default_str();
}

}  // namespace dermis
