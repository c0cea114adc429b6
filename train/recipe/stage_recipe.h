// One stage of a recipe: its data, its length, how batches are made and how the weights move.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/enum_traits.h"

namespace dermis {

enum class KeepBest { none, loss, accuracy };

template <>
struct EnumTraits<KeepBest> {
  static constexpr EnumNames<KeepBest, 3> kNames{
      {{KeepBest::none, "none"}, {KeepBest::loss, "loss"}, {KeepBest::accuracy, "accuracy"}}};
};

struct SourceRecipe {
  std::string shards{};
  double weight = 1.0;

  template <class V>
  void visit(V& v) {
    v.field("shards", shards, "folder of shards", required());
    v.field("weight", weight, "how much is drawn from it, relative to the stage's other sources", above(0));
  }
};

struct BatchRecipe {
  static constexpr int kMostImages = 4096;  // a batch lies in memory several times over: here, ahead in the loader

  int images = 16;
  int questions_per_image = 1;
  int accumulation = 1;
  std::string balance = "none";
  std::map<std::string, double> question_weights{};
  std::string long_text = "drop";
  int max_tokens = 0;

  template <class V>
  void visit(V& v) {
    v.field("images", images, "pictures a batch; accumulation makes larger steps of them",
            mend(between(1, kMostImages), "for a step of more pictures set batch.accumulation"));
    v.field("questions_per_image", questions_per_image, "asked about each; the picture is encoded once", at_least(1));
    v.field("accumulation", accumulation, "batches a step, for steps larger than memory allows", at_least(1));
    v.field("balance", balance, "none: every picture once an epoch; label: classes equally often",
            one_of({"none", "label"}));
    v.field("question_weights", question_weights,
            "how often each question type is asked; only those named are; empty: all equally", at_least(0));
    v.field("long_text", long_text, "records beyond max_tokens: drop them or cut their text, both counted",
            one_of({"drop", "cut"}));
    v.field("max_tokens", max_tokens, "longest sequence, image tokens included; 0: the model's limit", at_least(0));
  }
};

struct AugmentRecipe {
  bool flips = false, quarter_turns = false;
  double crop_min_area = 1.0;
  double colour = 0.0;
  double keep_patches = 1.0;

  template <class V>
  void visit(V& v) {
    v.field("flips", flips, "left-right and up-down");
    v.field("quarter_turns", quarter_turns, "by 0, 90, 180 or 270 degrees");
    v.field("crop_min_area", crop_min_area, "random crop of at least this share of the area; 1: none",
            between(0.05, 1));
    v.field("colour", colour, "strength of brightness, contrast and saturation jitter; 0: none", between(0, 1));
    v.field("keep_patches", keep_patches,
            "share of a picture's patches that training encodes, others each time; fewer cost less; 1: all",
            between(0.05, 1));
  }
};

struct OptimizerRecipe {
  double lr_peak = 1e-3;
  double lr_floor = 0.05;
  int64_t warmup_steps = 100;
  double weight_decay = 0.01;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double clip_norm = 1.0;
  double ema_decay = 0.0;

  template <class V>
  void visit(V& v) {
    v.field("lr_peak", lr_peak, "learning rate after the warm-up", above(0));
    v.field("lr_floor", lr_floor, "where the cosine ends, as a share of the peak", between(0, 1));
    v.field("warmup_steps", warmup_steps, "linear rise to the peak; at most half of the stage", at_least(0));
    v.field("weight_decay", weight_decay, "decoupled; not on norms and biases", at_least(0));
    v.field("beta1", beta1, "decay of the mean gradient", between(0, 0.9999));
    v.field("beta2", beta2, "decay of the mean squared gradient", between(0, 0.99999));
    v.field("eps", eps, "added to the root of the mean squared gradient", above(0));
    v.field("clip_norm", clip_norm, "longer gradients are scaled to this norm; 0: never", at_least(0));
    v.field("ema_decay", ema_decay, "average the weights, validate and save the average; 0: no average",
            between(0, 0.99999));
  }
};

struct PartRecipe {
  bool trainable = true;
  double lr_scale = 1.0;

  template <class V>
  void visit(V& v) {
    v.field("trainable", trainable, "false: frozen");
    v.field("lr_scale", lr_scale, "times the learning rate", above(0));
  }
};

struct ValidationRecipe {
  std::vector<std::string> shards{};
  int64_t times = 10;
  int64_t every_steps = 0;
  int64_t max_images = 512;
  KeepBest keep_best = KeepBest::loss;
  std::vector<std::string> accuracy_questions{};
  int patience = 0;

  template <class V>
  void visit(V& v) {
    v.field("shards", shards, "folders of held-out shards; empty: no validation");
    v.field("times", times, "validations in the stage, evenly spread, beside one at its start", at_least(1));
    v.field("every_steps", every_steps, "steps between validations instead, when above 0", at_least(0));
    v.field("max_images", max_images, "always the same so many pictures; 0: all", at_least(0));
    v.field("keep_best", keep_best, "the stage's result: weights of the best validation by this, or none: the last");
    v.field("accuracy_questions", accuracy_questions, "closed question types that accuracy counts; empty: all");
    v.field("patience", patience, "stop after so many validations without a better one; 0: never", at_least(0));
  }
};

struct DivergenceRecipe {
  double spike_factor = 5.0;
  int spikes = 3;

  template <class V>
  void visit(V& v) {
    v.field("spike_factor", spike_factor, "a loss above so many running medians is a spike; 0: only NaN stops the run",
            at_least(0));
    v.field("spikes", spikes, "spikes in a row that stop the run", at_least(1));
  }
};

struct StageRecipe {
  std::string name{};
  double epochs = 0;
  int64_t steps = 0;
  double minutes = 0;
  std::vector<SourceRecipe> data{};
  BatchRecipe batch{};
  AugmentRecipe augment{};
  OptimizerRecipe optimizer{};
  PartRecipe vision{}, projector{}, language{};
  ValidationRecipe validation{};
  DivergenceRecipe divergence{};

  template <class V>
  void visit(V& v) {
    v.field("name", name, "what the stage is called in logs", required());
    v.field("epochs", epochs, "length: passes over the pictures; beside minutes: at most so many", at_least(0));
    v.field("steps", steps, "length: optimizer steps", at_least(0));
    v.field("minutes", minutes, "length: time; its first steps are timed, then the number of steps is fixed",
            at_least(0));
    v.list("data", data, "what is trained on");
    v.section("batch", batch, "how samples become batches");
    v.section("augment", augment, "random changes to pictures that keep their label");
    v.section("optimizer", optimizer, "AdamW: warm-up, then a cosine");
    v.section("vision", vision, "the image encoder");
    v.section("projector", projector, "from image features to the decoder");
    v.section("language", language, "the decoder");
    v.section("validation", validation, "held-out data, which weights are kept, when to stop");
    v.section("divergence", divergence, "when a run counts as lost");
  }
};

}  // namespace dermis
