#include "train/run/stage_run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "core/error.h"
#include "core/interrupt.h"

namespace dermis {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Stages of one run draw apart.
uint64_t stage_seed(const Recipe& recipe, int stage_index) {
  constexpr uint64_t kStageStride = 0x9E3779B97F4A7C15;
  return recipe.seed + kStageStride * static_cast<uint64_t>(stage_index);
}

LoaderOptions loader_options(const Recipe& recipe, int stage_index) {
  const StageRecipe& stage = recipe.stages[static_cast<size_t>(stage_index)];
  return {.seed = stage_seed(recipe, stage_index),
          .images_per_batch = stage.batch.images,
          .questions_per_image = stage.batch.questions_per_image,
          .balance = stage.batch.balance,
          .question_type_weights = stage.batch.question_weights,
          .augment = {.flips = stage.augment.flips,
                      .quarter_turns = stage.augment.quarter_turns,
                      .crop_min_area = stage.augment.crop_min_area,
                      .colour = stage.augment.colour,
                      .keep_patches = stage.augment.keep_patches},
          .long_text = stage.batch.long_text == "cut" ? LongText::cut : LongText::drop,
          .max_tokens = stage.batch.max_tokens,
          .threads = recipe.loader_threads,
          .cache_decoded = recipe.cache_decoded};
}

OptimizerOptions optimizer_options(const Recipe& recipe, int stage_index) {
  const StageRecipe& stage = recipe.stages[static_cast<size_t>(stage_index)];
  const auto part = [](const PartRecipe& recipe) {
    return PartOptions{.trainable = recipe.trainable, .lr_scale = recipe.lr_scale};
  };
  return {.beta1 = stage.optimizer.beta1,
          .beta2 = stage.optimizer.beta2,
          .eps = stage.optimizer.eps,
          .weight_decay = stage.optimizer.weight_decay,
          .seed = stage_seed(recipe, stage_index),
          .parts = {part(stage.vision), part(stage.projector), part(stage.language)}};
}

}  // namespace

StageRun::StageRun(RunContext& context, const StageShards& shards, const std::string& checkpoint)
    : context_(context),
      state_(context.state),
      stage_(context.recipe.stages[static_cast<size_t>(context.state.stage)]),
      optimizer_(context.model, optimizer_options(context.recipe, context.state.stage)),
      guard_({.spike_factor = stage_.divergence.spike_factor, .spikes = stage_.divergence.spikes}),
      loader_(shards.training, shards.weights, context.tokenizer, context.model.config().image,
              context.model.config().prompt_format(), loader_options(context.recipe, context.state.stage)),
      start_(Clock::now()),
      saved_at_(Clock::now()) {
  if (stage_.optimizer.ema_decay > 0) average_.emplace(context.model, stage_.optimizer.ema_decay);
  if (!shards.validation.empty()) validation_.emplace(shards.validation, stage_, context.recipe.seed);
  state_.best.higher_is_better = stage_.validation.keep_best == KeepBest::accuracy;
  state_.best.patience = stage_.validation.patience;
  if (state_.step > 0) restore(checkpoint);
  for (const auto& shard : shards.training) records_ += shard->manifest().records;
  plan();
  loader_.seek({.batch = state_.batches});
  elapsed_before_s_ = state_.elapsed_s;
}

void StageRun::restore(const std::string& checkpoint) {
  const auto file = [&](const char* name) { return (std::filesystem::path(checkpoint) / name).string(); };
  read_tensors(file("optimizer.safetensors"), optimizer_.state());
  optimizer_.set_steps(state_.step);
  if (average_) {
    read_tensors(file("average.safetensors"), average_->state());
    average_->set_updates(state_.average_updates);
  }
  guard_.restore(state_.guard);
  saved_step_ = state_.step;
}

// A length given in minutes is measured anew too: the time that earlier sessions took counts.
void StageRun::plan() {
  if (std::exchange(context_.plan_anew, false)) state_.planned_steps = 0;
  if (state_.planned_steps == 0) state_.planned_steps = planned_steps(stage_, loader_.batches_per_epoch());
}

void StageRun::tell_long_texts() const {
  const LoaderStats stats = loader_.stats();
  const std::string limit =
      stage_.batch.max_tokens > 0
          ? fmt::format("stages[{}].batch.max_tokens = {}", state_.stage, stage_.batch.max_tokens)
          : fmt::format("the model's {} tokens", context_.model.config().prompt_format().max_tokens);
  const auto tell = [&](int64_t count, const char* what) {
    if (count == 0) return;
    context_.report->note(fmt::format("warning: stage {}: {} of {} records ({:.2g} %) are longer than {} and are {}",
                                      stage_.name, count, records_,
                                      100.0 * static_cast<double>(count) / static_cast<double>(records_), limit, what));
  };
  tell(stats.dropped_long, "left out");
  tell(stats.cut_long, "cut");
}

void StageRun::run() {
  context_.report->begin_stage(stage_.name, state_.total_step(),
                               {{"planned_steps", state_.planned_steps},
                                {"batches_an_epoch", loader_.batches_per_epoch()},
                                {"trainable_parameters", optimizer_.trainable_parameters()}});
  tell_long_texts();
  validate_if_due();
  while (!ended()) {
    if (interrupt_requested()) {
      save();
      throw Error(ErrorKind::interrupted, {.what = fmt::format("stopped after step {} of stage {}; the state is saved",
                                                               state_.step, stage_.name),
                                           .fix = "the same command with --resume goes on"});
    }
    take_step();
    if (state_.planned_steps == 0) fix_length();
    validate_if_due();
    save_if_due();
  }
  finish();
}

bool StageRun::ended() const {
  if (validation_due()) return false;  // a signal cut it short: it is made up for after the resume
  return (state_.planned_steps > 0 && state_.step >= state_.planned_steps) || state_.best.exhausted();
}

double StageRun::elapsed_s() const { return elapsed_before_s_ + seconds_since(start_); }

void StageRun::take_step() {
  std::vector<Batch> batches;
  for (int i = 0; i < stage_.batch.accumulation; ++i) batches.push_back(loader_.next());
  const int64_t warmup = state_.planned_steps > 0 ? std::min(stage_.optimizer.warmup_steps, state_.planned_steps / 2)
                                                  : stage_.optimizer.warmup_steps;
  const double lr = learning_rate({.lr_peak = stage_.optimizer.lr_peak,
                                   .floor_share = stage_.optimizer.lr_floor,
                                   .warmup_steps = warmup,
                                   .total_steps = state_.planned_steps},
                                  state_.step);
  const StepContext step{.model = context_.model,
                         .optimizer = optimizer_,
                         .average = average_ ? &*average_ : nullptr,
                         .guard = &guard_,
                         .clip_norm = stage_.optimizer.clip_norm};
  const StepResult result = train_step(step, batches, state_.total_step() + 1, lr);
  ++state_.step;
  state_.batches += stage_.batch.accumulation;
  context_.report->step({.total_step = state_.total_step(),
                         .stage_step = state_.step,
                         .planned_steps = state_.planned_steps,
                         .lr = lr,
                         .wait_s = loader_.stats().wait_s,
                         .result = result});
}

void StageRun::fix_length() {
  if (!meter_) {
    const int64_t validations = validation_ ? stage_.validation.times : 0;
    meter_.emplace(stage_.minutes * 60, validation_s_, validations);
  }
  const auto length = meter_->after_step(state_.step, elapsed_s());
  if (!length) return;
  const int64_t most = most_steps(stage_, loader_.batches_per_epoch());
  state_.planned_steps = std::max(state_.step, std::min(*length, most));
  context_.report->event("length", state_.total_step(),
                         {{"stage", stage_.name}, {"planned_steps", state_.planned_steps}});
  save();  // a run killed later goes on with this length
}

bool StageRun::validation_due() const {
  if (!validation_ || state_.validated_step == state_.step) return false;
  const int64_t planned = state_.planned_steps;
  if (state_.step == 0 || (planned > 0 && state_.step >= planned)) return true;
  if (stage_.validation.every_steps > 0) return state_.step % stage_.validation.every_steps == 0;
  return planned > 0 &&
         state_.step % std::max<int64_t>(1, planned / std::max<int64_t>(1, stage_.validation.times)) == 0;
}

void StageRun::validate_if_due() {
  if (!validation_due()) return;
  const AveragedWeights averaged(average_ ? &*average_ : nullptr);
  const auto result = validation_->run(context_.model, context_.tokenizer);
  if (!result) return;
  validation_s_ = result->seconds;
  state_.validated_step = state_.step;
  const KeepBest rule = stage_.validation.keep_best;
  const bool best =
      state_.best.offer(state_.total_step(), rule == KeepBest::accuracy ? result->accuracy : result->loss);
  context_.report->validation(state_.total_step(), *result, best);
  if (best && rule != KeepBest::none) context_.store->write_best(state_.total_step(), {.weights = weights()});
}

NamedTensors StageRun::weights() const {
  NamedTensors tensors;
  for (const Parameter& parameter : context_.model.parameters()) tensors.emplace_back(parameter.name, parameter.tensor);
  return tensors;
}

void StageRun::save() {
  state_.elapsed_s = elapsed_s();
  state_.guard = guard_.state();
  state_.average_updates = average_ ? average_->updates() : 0;
  CheckpointContent content{.weights = weights(), .optimizer = optimizer_.state()};
  if (average_) content.average = average_->state();
  content.state = to_json(state_, context_.identity);
  context_.store->write(state_.total_step(), content);
  context_.store->keep_only_best(state_.best.step);
  saved_at_ = Clock::now();
  saved_step_ = state_.step;
}

void StageRun::save_if_due() {
  const CheckpointRecipe& recipe = context_.recipe.checkpoint;
  const bool due = recipe.every_steps > 0 ? state_.step % recipe.every_steps == 0
                                          : seconds_since(saved_at_) >= recipe.every_minutes * 60;
  if (due && saved_step_ != state_.step) save();
}

void StageRun::finish() {
  const bool take_best = stage_.validation.keep_best != KeepBest::none && state_.best.step >= 0;
  if (take_best) {
    read_tensors(
        (std::filesystem::path(context_.store->best_folder(state_.best.step)) / "weights.safetensors").string(),
        weights());
  } else if (average_) {
    average_->put_in();
  }
  const LoaderStats stats = loader_.stats();
  context_.report->end_stage(state_.total_step(), {{"steps", state_.step},
                                                   {"elapsed_s", elapsed_s()},
                                                   {"best_step", state_.best.step},
                                                   {"best_value", state_.best.value},
                                                   {"data_wait_s", stats.wait_s},
                                                   {"dropped_long", stats.dropped_long},
                                                   {"cut_long", stats.cut_long}});
  state_ = {.stage = state_.stage + 1, .steps_before = state_.total_step()};
  context_.store->write(state_.total_step(), {.weights = weights(), .state = to_json(state_, context_.identity)});
  context_.store->keep_only_best(-1);
}

}  // namespace dermis
