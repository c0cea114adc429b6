#include "core/log/run_folder.h"

#include <fmt/format.h>

#include <filesystem>

#include "core/error.h"
#include "core/io/atomic_file.h"
#include "core/io/atomic_folder.h"
#include "core/io/jsonl.h"
#include "core/io/read_file.h"
#include "core/process.h"
#include "core/version.h"

namespace dermis {
namespace {

using Json = nlohmann::ordered_json;

void note_start(const std::string& path, const RunStart& start, bool resumed) {
  const Hardware machine = hardware();
  Json line{{"time", utc_time()},
            {"resumed", resumed},
            {"command", command_line()},
            {"version", version()},
            {"commit", commit()},
            {"recipe_hash", start.recipe_hash},
            {"hardware",
             {{"cpu", machine.cpu},
              {"cores", machine.cores},
              {"memory_bytes", machine.memory_bytes},
              {"system", machine.system},
              {"host", machine.host}}}};
  for (const auto& [key, value] : start.facts.items()) line[key] = value;
  JsonlWriter writer(path + "/starts.jsonl");
  writer.append(line);
  writer.sync();
}

std::string recipe_of(const std::string& path) { return path + "/recipe.toml"; }

std::string last_recipe_hash(const std::string& path) {
  const auto starts = read_jsonl(path + "/starts.jsonl");
  return starts.empty() ? "" : starts.back().value("recipe_hash", "");
}

// The recipe until now, beside the next one: recipe-1.toml is the first, recipe-2.toml the second.
void keep_recipe(const std::string& path) {
  int number = 1;
  while (std::filesystem::exists(fmt::format("{}/recipe-{}.toml", path, number))) ++number;
  write_file_atomically(fmt::format("{}/recipe-{}.toml", path, number), read_file(recipe_of(path)));
}

}  // namespace

void refuse_existing_run(const std::string& path) {
  throw Error(ErrorKind::data, {.what = "the folder '" + path + "' holds a run already",
                                .where = path,
                                .fix = "go on with it (--resume), name another folder, or remove it"});
}

void start_run(const std::string& path, const RunStart& start) {
  if (std::filesystem::exists(path + "/starts.jsonl")) refuse_existing_run(path);
  make_folder(path);
  note_start(path, start, false);  // first: from here on the folder is a run, which --resume takes even after a kill
  write_file_atomically(recipe_of(path), start.recipe);
}

void resume_run(const std::string& path, const RunStart& start) {
  if (!std::filesystem::exists(path + "/starts.jsonl")) {
    throw Error(ErrorKind::data, {.what = "there is no run in '" + path + "'",
                                  .where = path,
                                  .expected = "a folder that an earlier run has made (starts.jsonl in it)",
                                  .fix = "check the path, or start without --resume"});
  }
  const bool written = std::filesystem::exists(recipe_of(path));
  const bool changed = written && last_recipe_hash(path) != start.recipe_hash;
  if (changed) keep_recipe(path);
  if (changed || !written) write_file_atomically(recipe_of(path), start.recipe);
  note_start(path, start, true);  // last: a kill before it leaves the recipe to be written again
}

}  // namespace dermis
