#include "train/recipe/recipe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using ::testing::HasSubstr;

constexpr const char* kRecipe =
    "[model]\npreset = \"nano\"\ntokenizer = \"t.model\"\n[[stages]]\nname = \"a\"\nsteps = 5\n[[stages.data]]\nshards "
    "= "
    "\"s\"\n";

std::string error_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  const testing::TempFolder folder;
  std::ofstream(folder / "recipe.toml") << text;
  try {
    read_recipe(folder / "recipe.toml", overrides);
  } catch (const Error& error) {
    EXPECT_EQ(exit_code(error.kind()), overrides.empty() ? 3 : 2) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

TEST(Recipe, TheRecipesForPeopleAreWhole) {
  const std::vector<std::string> whole{"finetune", "pretrain", "pretrain_finetune"};
  EXPECT_THAT(embedded_recipe_names(), ::testing::IsSupersetOf(whole));
  for (const std::string& name : whole) EXPECT_FALSE(read_recipe(name).value.stages.empty()) << name;
}

TEST(Recipe, AnOverrideShowsAsTheOrigin) {
  const auto recipe = read_recipe("finetune", {"stages[0].optimizer.lr_peak=1e-5"});
  EXPECT_DOUBLE_EQ(recipe.value.stages[0].optimizer.lr_peak, 1e-5);
  EXPECT_THAT(recipe.print(), HasSubstr("--set stages[0].optimizer.lr_peak=1e-5"));
}

TEST(Recipe, WrongKeysTypesAndRangesAreNamed) {
  const std::string text = kRecipe;
  EXPECT_THAT(error_of(text + "[stages.optimizer]\nlr_peek = 1\n"), HasSubstr("did you mean 'lr_peak'?"));
  EXPECT_THAT(error_of(text + "[stages.optimizer]\nlr_peak = \"fast\"\n"), HasSubstr("stages[0].optimizer.lr_peak"));
  EXPECT_THAT(error_of(text + "[stages.optimizer]\nlr_peak = -1\n"), HasSubstr("out of range"));
  EXPECT_THAT(error_of(text + "[stages.batch]\nimages = 0\n"), HasSubstr("stages[0].batch.images"));
  EXPECT_THAT(error_of(text + "[stages.batch]\nbalance = \"labels\"\n"), HasSubstr("label"));
  EXPECT_THAT(error_of(text + "[stages.validation]\nkeep_best = \"lost\"\n"), HasSubstr("loss"));
  EXPECT_THAT(error_of(text, {"stages[0].stepz=7"}), HasSubstr("did you mean 'steps'?"));
  EXPECT_THAT(error_of(text, {"stages[1].steps=7"}), HasSubstr("stages"));
}

TEST(Recipe, FieldsThatRequireEachOtherAreChecked) {
  const std::string text = kRecipe;
  EXPECT_THAT(error_of("[[stages]]\nname = \"a\"\nsteps = 1\n[[stages.data]]\nshards = \"s\"\n"), HasSubstr("preset"));
  EXPECT_THAT(error_of("[model]\npreset = \"nano\"\n"), HasSubstr("[[stages]]"));
  EXPECT_THAT(error_of("[model]\npreset = \"nano\"\n[[stages]]\nname = \"a\"\nsteps = 1\n"),
              HasSubstr("stages[0].data"));
  EXPECT_THAT(error_of("[model]\npreset = \"nano\"\n[[stages]]\nname = \"a\"\nsteps = 1\nepochs = 2\n"),
              HasSubstr("one length"));
  EXPECT_THAT(error_of("[model]\npreset = \"nano\"\nstart_share = 0.5\n"), HasSubstr("model.start_share"));
  EXPECT_THAT(error_of(text + "[stages.validation]\npatience = 2\n"), HasSubstr("validation.shards"));
  EXPECT_THAT(error_of(text + "[stages.validation]\nkeep_best = \"accuracy\"\n"), HasSubstr("validation.shards"));
}

// Which override made fields clash is said, and that it was the command line: exit code 2 (error_of).
TEST(Recipe, OverridesThatClashWithTheFileAreNamed) {
  const std::string text = kRecipe;
  EXPECT_THAT(error_of(text, {"stages[0].minutes=5"}), HasSubstr("where: --set stages[0].minutes=5 on top of "));
  EXPECT_THAT(error_of(text, {"model.start=m"}), HasSubstr("--set model.start=m"));
  EXPECT_THAT(error_of(text, {"model.start_share=0.5"}), HasSubstr("--set model.start_share=0.5"));
  EXPECT_THAT(error_of(text, {"stages[0].validation.patience=2"}), HasSubstr("--set stages[0].validation.patience=2"));
  EXPECT_THAT(error_of(text, {"stages[0].data=[]"}), HasSubstr("--set stages[0].data=[]"));
  const std::string frozen = "[stages.vision]\ntrainable = false\n[stages.projector]\ntrainable = false\n";
  EXPECT_THAT(error_of(text + frozen, {"stages[0].language.trainable=false"}), HasSubstr("all frozen"));
}

TEST(Recipe, NumbersThatWouldExhaustTheMachineAreRefused) {
  const std::string text = kRecipe;
  EXPECT_THAT(error_of(text, {"threads=1025"}), HasSubstr("from 0 to 1024"));
  EXPECT_THAT(error_of(text, {"loader_threads=1025"}), HasSubstr("from 1 to 1024"));
  EXPECT_THAT(error_of(text, {"stages[0].batch.images=100000"}), HasSubstr("batch.accumulation"));
}

TEST(Recipe, DifferencesAreFoundByKey) {
  Recipe now = read_recipe("finetune").value;
  const std::string before = recipe_essence(now);
  EXPECT_TRUE(recipe_differences(before, now).empty());
  now.threads = 7;  // does not change the weights
  now.stages[0].validation.keep_best = KeepBest::accuracy;
  now.stages[0].batch.question_weights = {{"a", 2}};
  const auto differences = recipe_differences(before, now);
  ASSERT_EQ(differences.size(), 2U);
  EXPECT_EQ(differences[0].key, "stages[0].batch.question_weights");
  EXPECT_EQ(differences[1].key, "stages[0].validation.keep_best");
  EXPECT_EQ(differences[1].before, "\"loss\"");
  EXPECT_EQ(differences[1].after, "\"accuracy\"");
}

TEST(Recipe, TheDigestFollowsWhatChangesTheWeights) {
  Recipe recipe = read_recipe("finetune").value;
  const std::string digest = recipe_digest(recipe);
  recipe.threads = 7;
  recipe.checkpoint.every_steps = 3;
  recipe.stages[0].data[0].shards = "/moved/elsewhere";
  EXPECT_EQ(recipe_digest(recipe), digest);
  recipe.stages[0].optimizer.lr_peak *= 2;
  EXPECT_NE(recipe_digest(recipe), digest);
}

TEST(Recipe, AnUnknownNameListsTheEmbeddedOnes) {
  try {
    read_recipe("finetun");
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(exit_code(error.kind()), 2);
    EXPECT_THAT(error.what(), HasSubstr("did you mean 'finetune'?"));
  }
}

}  // namespace
}  // namespace dermis
