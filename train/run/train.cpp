#include "train/run/train.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <chrono>
#include <filesystem>

#include "core/error.h"
#include "core/io/atomic_file.h"
#include "core/io/atomic_folder.h"
#include "core/log/run_folder.h"
#include "core/process.h"
#include "models/weights/hf_folder.h"
#include "train/run/question_types.h"
#include "train/run/seen.h"
#include "train/run/stage_run.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;

std::string inside(const std::string& folder, const char* name) { return (fs::path(folder) / name).string(); }

// True when OUT holds a run to go on with. A fresh folder is started, also with --resume: a run that was killed before
// it wrote anything starts over.
bool goes_on(const TrainOptions& options) {
  if (fs::exists(inside(options.out, "starts.jsonl"))) {
    if (!options.resume) refuse_existing_run(options.out);
    return true;
  }
  if (fs::is_directory(options.out) && !fs::is_empty(options.out)) {
    throw Error(ErrorKind::usage, {.what = "the run folder holds other files",
                                   .where = options.out,
                                   .expected = "a new or empty folder, or one of an earlier run with --resume",
                                   .fix = "choose another --out"});
  }
  return false;
}

RunStart start_of(const ResolvedConfig<Recipe>& recipe, const RunIdentity& identity, const Placement& placement) {
  return {.recipe = recipe.print(),
          .recipe_hash = identity.recipe,
          .facts = {{"data", identity.data},
                    {"tokenizer", identity.tokenizer},
                    {"threads", identity.threads},
                    {"placement", describe(placement)}}};
}

RunIdentity identity_of(const Recipe& recipe, const Tokenizer& tokenizer, const std::vector<StageShards>& stages) {
  RunIdentity identity{.recipe = recipe_digest(recipe),
                       .recipe_text = recipe_essence(recipe),
                       .tokenizer = tokenizer.sha256(),
                       .threads = at::get_num_threads()};
  for (const StageShards& stage : stages) {
    for (const auto& shard : stage.training) identity.data.push_back(shard->manifest().fingerprint);
    for (const auto& shard : stage.validation) identity.data.push_back(shard->manifest().fingerprint);
  }
  return identity;
}

// Better told now than after hours: parameters, two moments and the average, for every checkpoint that may stand at
// once.
void check_disk_space(const Recipe& recipe, const Vlm& model, const std::string& folder) {
  uint64_t bytes = 0;
  for (const Parameter& parameter : model.parameters()) bytes += parameter.tensor.nbytes();
  bool averages = false;
  for (const StageRecipe& stage : recipe.stages) averages = averages || stage.optimizer.ema_decay > 0;
  const auto checkpoints = static_cast<uint64_t>(recipe.checkpoint.keep + 1);
  const uint64_t needed = bytes * (checkpoints * (averages ? 4 : 3) + 3);
  fs::path there = fs::absolute(folder);
  while (!fs::exists(there) && there.has_relative_path()) there = there.parent_path();
  const uint64_t free = fs::space(there).available;
  if (free >= needed) return;
  throw Error(ErrorKind::data, {.what = "the disk has no room for this run's checkpoints and model",
                                .where = folder,
                                .expected = fmt::format("{} MiB free", needed >> 20),
                                .found = fmt::format("{} MiB free", free >> 20),
                                .fix = "choose another --out or free space; checkpoint.keep = 1 needs less"});
}

std::vector<std::string> check_stages(const Recipe& recipe, const std::vector<StageShards>& stages) {
  std::vector<std::string> notes;
  for (size_t i = 0; i < stages.size(); ++i) {
    for (std::string& note : check_question_types(recipe.stages[i], fmt::format("stages[{}]", i), stages[i])) {
      notes.push_back(std::move(note));
    }
    if (!stages[i].validation.empty()) Validation(stages[i].validation, recipe.stages[i], recipe.seed);
  }
  return notes;
}

void tell_changes(const std::string& stored, const Recipe& recipe, int stage, std::vector<std::string>& notes) {
  try {
    for (const auto& [key, before, after] : recipe_differences(stored, recipe)) {
      bool done = false;
      for (int i = 0; i < stage; ++i) done = done || key.starts_with(fmt::format("stages[{}].", i));
      notes.push_back(fmt::format("changed recipe: {} = {}, before {}{}", key, after, before,
                                  done ? ": without effect, the stage is done" : ""));
    }
  } catch (const Error&) {  // of another version of the program
    notes.emplace_back("changed recipe");
  }
}

void restore(const CheckpointStore::Found& found, const TrainOptions& options, RunContext& context,
             std::vector<std::string>& notes) {
  RunIdentity stored;
  try {
    context.state = run_state_from_json(found.state);
    stored = run_identity_from_json(found.state);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::data, {.what = "the checkpoint's state cannot be read",
                                  .where = found.folder + "/state.json",
                                  .found = error.what(),
                                  .fix = "it was written by another version of dermis: start a new run"});
  }
  const std::string note =
      check_identity(stored, context.identity, context.recipe, options.changed_recipe, found.folder);
  if (!note.empty()) notes.push_back(note);
  NamedTensors tensors;
  for (const Parameter& parameter : context.model.parameters()) tensors.emplace_back(parameter.name, parameter.tensor);
  read_tensors(inside(found.folder, "weights.safetensors"), tensors);
  context.plan_anew = stored.recipe != context.identity.recipe;
  const bool finished = context.state.stage >= static_cast<int>(context.recipe.stages.size());
  if (context.plan_anew && finished) {
    throw Error(ErrorKind::data, {.what = "the run is finished: no stage is left that the changed recipe could train",
                                  .where = found.folder,
                                  .expected = "a run that has stopped within its stages",
                                  .found = fmt::format("{} steps, all stages done", context.state.total_step()),
                                  .fix = "start a new run from its result (model.start = " +
                                         inside(options.out, "model") + "), or add a stage to the recipe"});
  }
  if (context.plan_anew) tell_changes(stored.recipe_text, context.recipe, context.state.stage, notes);
  notes.push_back(finished ? "the run is finished already: its model is written again"
                           : fmt::format("going on after step {}", found.step));
}

std::string save_result(const RunContext& context, const SeenPictures& seen, const std::string& out) {
  const std::string target = inside(out, "model");
  AtomicFolder folder(target, IfExists::replace);
  save_model(context.model, folder.temporary_path(), context.tokenizer.model_path());
  write_file_atomically(folder / "train_manifest.json", to_json(seen).dump(1) + "\n");
  folder.commit();
  return target;
}

}  // namespace

TrainSummary train(const ResolvedConfig<Recipe>& resolved, const TrainOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const Recipe& recipe = resolved.value;
  check_threads(resolved);
  at::set_num_threads(recipe.threads > 0 ? recipe.threads : usable_cores());
  const bool resumed = goes_on(options);
  const Tokenizer tokenizer = open_tokenizer(recipe.model);
  std::vector<StageShards> stages;
  for (const StageRecipe& stage : recipe.stages) stages.push_back(open_shards(stage));
  std::vector<std::string> notes = check_stages(recipe, stages);
  const SeenPictures seen = seen_by(recipe, stages);
  for (const std::string& gap : seen.gaps) notes.push_back("contamination checks will have a gap: " + gap);
  Vlm model = make_model(recipe, tokenizer);
  const RunIdentity identity = identity_of(recipe, tokenizer, stages);
  check_disk_space(recipe, model, options.out);
  RunContext context{.recipe = recipe, .tokenizer = tokenizer, .identity = identity, .model = model};
  if (model.placement().device.is_cuda()) notes.push_back("computing on " + describe(model.placement()));
  const std::string checkpoints = inside(options.out, "checkpoints");
  std::optional<CheckpointStore::Found> found;
  if (resumed) found = context.store.emplace(checkpoints, recipe.checkpoint.keep).newest(notes);
  if (found) restore(*found, options, context, notes);
  if (options.resume && !found) notes.emplace_back("no whole checkpoint: starting from the beginning");
  std::optional<StageRun> stage;
  const auto next_stage = [&](const std::string& checkpoint) {
    const auto index = static_cast<size_t>(context.state.stage);
    stage.reset();
    if (index < stages.size()) stage.emplace(context, stages[index], checkpoint);
  };
  next_stage(found ? found->folder : "");
  (resumed ? resume_run : start_run)(options.out, start_of(resolved, identity, model.placement()));
  if (!context.store) context.store.emplace(checkpoints, recipe.checkpoint.keep);
  context.report.emplace(options.out, recipe.log_every_s, context.state.total_step());
  for (const std::string& note : notes) context.report->note(note);
  while (stage) {
    stage->run();
    next_stage("");
  }
  TrainSummary summary{.model_folder = save_result(context, seen, options.out), .steps = context.state.total_step()};
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  context.report->event("end", summary.steps, {{"seconds", summary.seconds}, {"model", summary.model_folder}});
  return summary;
}

}  // namespace dermis
