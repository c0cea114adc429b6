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
#include "train/run/stage_run.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;

std::string inside(const std::string& folder, const char* name) { return (fs::path(folder) / name).string(); }

// A fresh folder is started, also with --resume: a run that was killed before it wrote anything starts over.
void open_folder(const ResolvedConfig<Recipe>& recipe, const TrainOptions& options, const RunIdentity& identity,
                 const Placement& placement) {
  const RunStart start{.recipe = recipe.print(),
                       .recipe_hash = identity.recipe,
                       .facts = {{"data", identity.data},
                                 {"tokenizer", identity.tokenizer},
                                 {"threads", identity.threads},
                                 {"placement", describe(placement)}}};
  const bool has_run = fs::exists(inside(options.out, "starts.jsonl"));
  if (options.resume && has_run) return resume_run(options.out, start);
  if (!has_run && fs::exists(options.out) && !fs::is_empty(options.out)) {
    throw Error(ErrorKind::usage, {.what = "the run folder holds other files",
                                   .where = options.out,
                                   .expected = "a new or empty folder, or one of an earlier run with --resume",
                                   .fix = "choose another --out"});
  }
  start_run(options.out, start);
}

RunIdentity identity_of(const Recipe& recipe, const Tokenizer& tokenizer, const std::vector<StageShards>& stages) {
  RunIdentity identity{
      .recipe = recipe_digest(recipe), .tokenizer = tokenizer.sha256(), .threads = at::get_num_threads()};
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
  const uint64_t free = fs::space(folder).available;
  if (free >= needed) return;
  throw Error(ErrorKind::data, {.what = "the disk has no room for this run's checkpoints and model",
                                .where = folder,
                                .expected = fmt::format("{} MiB free", needed >> 20),
                                .found = fmt::format("{} MiB free", free >> 20),
                                .fix = "choose another --out or free space; checkpoint.keep = 1 needs less"});
}

std::optional<CheckpointStore::Found> find_checkpoint(const TrainOptions& options, CheckpointStore& store,
                                                      std::vector<std::string>& notes) {
  if (!options.resume) return std::nullopt;
  auto found = store.newest(notes);
  if (!found) notes.push_back("no whole checkpoint: starting from the beginning");
  return found;
}

RunState restore(const CheckpointStore::Found& found, const RunIdentity& identity, const TrainOptions& options,
                 Vlm& model, std::vector<std::string>& notes) {
  RunState state;
  RunIdentity stored;
  try {
    state = run_state_from_json(found.state);
    stored = run_identity_from_json(found.state);
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::data, {.what = "the checkpoint's state cannot be read",
                                  .where = found.folder + "/state.json",
                                  .found = error.what(),
                                  .fix = "it was written by another version of dermis: start a new run"});
  }
  const std::string note = check_identity(stored, identity, options.changed_recipe, found.folder);
  if (!note.empty()) notes.push_back(note);
  NamedTensors tensors;
  for (const Parameter& parameter : model.parameters()) tensors.emplace_back(parameter.name, parameter.tensor);
  read_tensors(inside(found.folder, "weights.safetensors"), tensors);
  notes.push_back(fmt::format("going on after step {}", found.step));
  return state;
}

std::string save_result(const RunContext& context, const std::vector<StageShards>& stages, const std::string& out) {
  const std::string target = inside(out, "model");
  AtomicFolder folder(target, IfExists::replace);
  save_model(context.model, folder.temporary_path(), context.tokenizer.model_path());
  write_file_atomically(folder / "train_manifest.json", training_manifest(context.recipe, stages).dump(1) + "\n");
  folder.commit();
  return target;
}

}  // namespace

TrainSummary train(const ResolvedConfig<Recipe>& resolved, const TrainOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const Recipe& recipe = resolved.value;
  at::set_num_threads(recipe.threads > 0 ? recipe.threads : usable_cores());
  const Tokenizer tokenizer = open_tokenizer(recipe.model);
  std::vector<StageShards> stages;
  for (const StageRecipe& stage : recipe.stages) stages.push_back(open_shards(stage));
  Vlm model = make_model(recipe, tokenizer);
  const RunIdentity identity = identity_of(recipe, tokenizer, stages);
  open_folder(resolved, options, identity, model.placement());
  check_disk_space(recipe, model, options.out);
  CheckpointStore store(inside(options.out, "checkpoints"), recipe.checkpoint.keep);
  std::vector<std::string> notes;
  const auto found = find_checkpoint(options, store, notes);
  RunState state;
  if (found) state = restore(*found, identity, options, model, notes);
  RunReport report(options.out, recipe.log_every_s, state.total_step());
  if (model.placement().device.is_cuda()) notes.insert(notes.begin(), "computing on " + describe(model.placement()));
  for (const std::string& note : notes) report.note(note);
  RunContext context{.recipe = recipe,
                     .tokenizer = tokenizer,
                     .identity = identity,
                     .model = model,
                     .store = store,
                     .report = report,
                     .state = state};
  std::string checkpoint = found ? found->folder : "";
  while (state.stage < static_cast<int>(recipe.stages.size())) {
    StageRun(context, stages[static_cast<size_t>(state.stage)], checkpoint).run();
    checkpoint.clear();
  }
  TrainSummary summary{.model_folder = save_result(context, stages, options.out), .steps = state.total_step()};
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  report.event("end", summary.steps, {{"seconds", summary.seconds}, {"model", summary.model_folder}});
  return summary;
}

}  // namespace dermis
