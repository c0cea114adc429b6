// A training run as a file: which model, which data, in which stages. Every field has its default here; a recipe states
// what differs. train/recipes/ holds commented examples, `dermis config print` shows each value with its origin.
#pragma once

#include <string>
#include <vector>

#include "core/config/config.h"
#include "core/process.h"
#include "train/recipe/model_recipe.h"
#include "train/recipe/stage_recipe.h"

namespace dermis {

struct CheckpointRecipe {
  double every_minutes = 5.0;
  int64_t every_steps = 0;
  int keep = 2;

  template <class V>
  void visit(V& v) {
    v.field("every_minutes", every_minutes, "minutes between checkpoints", above(0));
    v.field("every_steps", every_steps, "steps between checkpoints instead, when above 0", at_least(0));
    v.field("keep", keep, "how many of the newest checkpoints stay on disk, beside the best", at_least(1));
  }
};

struct Recipe {
  uint64_t seed = 1;
  std::string device = "auto";
  std::string precision = "auto";
  std::string weights = "fp32";
  int threads = 0;
  int loader_threads = 1;
  bool cache_decoded = true;
  double log_every_s = 5.0;
  CheckpointRecipe checkpoint;
  ModelRecipe model;
  std::vector<StageRecipe> stages;

  template <class V>
  void visit(V& v) {
    v.field("seed", seed, "of every random draw: weights, order, augmentation");
    v.field("device", device, "auto (a GPU when there is one), cpu, cuda or cuda:N");
    v.field("precision", precision,
            "of the computation: fp32, bf16, or auto (bf16 on a GPU whose kernels take the model's head sizes)");
    v.field("weights", weights,
            "type that weights and gradients are held in: fp32, or bf16 (half the memory; every step is rounded up or "
            "down by chance, so that small ones add up)");
    v.field("threads", threads, "of the computation; 0: all cores. Equal numbers give equal bits",
            between(0, kMostThreads));
    v.field("loader_threads", loader_threads, "for decoding and augmentation, beside the computation",
            between(1, kMostThreads));
    v.field("cache_decoded", cache_decoded, "keep decoded pictures in memory");
    v.field("log_every_s", log_every_s, "seconds between lines of progress", above(0));
    v.section("checkpoint", checkpoint, "what a killed run goes on from");
    v.section("model", model, "what is trained");
    v.list("stages", stages, "run one after the other, each from the result of the one before");
  }
};

// Reads a recipe file, or the embedded recipe of that name ("finetune") when there is no such file, with overrides
// "a.b[0].c=value". Checks what single limits cannot: Error(data or usage) naming key, expected and found.
ResolvedConfig<Recipe> read_recipe(const std::string& path_or_name, const std::vector<std::string>& overrides = {});

// What fields require of each other: one length a stage, preset or start, data in every stage, unique stage names.
// Error(usage) when an override brought it about, else Error(data).
void check_recipe(const Recipe& recipe, const std::string& file, const ConfigOrigins& origins = {});

// Error when the recipe asks for more threads than this machine can start. Apart from check_recipe: a recipe for a
// larger machine can be read here.
void check_threads(const ResolvedConfig<Recipe>& recipe);

// Digest of everything that changes the trained weights; not of paths (data and tokenizer have fingerprints of their
// own), threads, logging and checkpoints.
std::string recipe_digest(const Recipe& recipe);
// The same as TOML: what a checkpoint keeps, so that a later recipe can be compared with it.
std::string recipe_essence(const Recipe& recipe);

struct RecipeDifference {
  std::string key, before, after;  // values as TOML
};
// `stored`: the recipe_essence of another recipe. Error(data) when this program cannot read it.
std::vector<RecipeDifference> recipe_differences(const std::string& stored, const Recipe& now);

std::vector<std::string> embedded_recipe_names();

}  // namespace dermis
