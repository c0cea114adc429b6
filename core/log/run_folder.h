// The folder of one run: everything needed to say later what was run, where and with what.
//
//   recipe.toml   the resolved recipe with origins          log.jsonl, events.out.tfevents.*   core/log/run_log.h
//   recipe-1.toml, recipe-2.toml, ...   what it was before the run went on with a changed one
//   starts.jsonl  one line each time the run was started: time, command line, version, commit, recipe hash, hardware
#pragma once

#include <string>

#include "core/log/run_log.h"

namespace dermis {

struct RunStart {
  std::string recipe;  // resolved, as TOML
  std::string recipe_hash;
  nlohmann::ordered_json facts = nlohmann::ordered_json::object();  // more to note: data fingerprints, device, threads
};

// Makes `path`, notes the start in starts.jsonl, which makes it the folder of a run, and writes the recipe. Error(data)
// when the folder holds a run already (fix: --resume or another folder) or cannot be written.
void start_run(const std::string& path, const RunStart& start);
// Notes another start of an existing run. Error(data) when there is none. The recipe is written when its hash differs
// from that of the start before, whose recipe is kept under a number, or when that start was killed before it wrote
// one.
void resume_run(const std::string& path, const RunStart& start);
[[noreturn]] void refuse_existing_run(const std::string& path);  // as start_run does

}  // namespace dermis
