#include "train/run/assemble.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/error.h"
#include "models/weights/hf_folder.h"
#include "tests/support/paths.h"
#include "tests/train/run_support.h"
#include "train/run/train.h"

namespace dermis {
namespace {

ResolvedConfig<Recipe> parse(const std::string& text) { return resolve_config<Recipe>({{"recipe.toml", text}}, {}); }

TEST(MakeModel, KeepsTheWantedShareOfATraining) {
  const testing::TempFolder folder;
  testing::write_training_set(folder.path());
  auto recipe =
      parse(testing::squares_recipe(folder.path(), "steps = 6\nbatch = {images = 4}") + "keep_best = \"none\"\n");
  train(recipe, {.out = folder / "run"});
  Recipe wanted = recipe.value;
  const Tokenizer tokenizer = open_tokenizer(wanted.model);
  const std::vector<Parameter> fresh = make_model(wanted, tokenizer).parameters();
  const std::vector<Parameter> trained = load_model(folder / "run/model").parameters();
  wanted.model = {};
  wanted.model.start = folder / "run/model";
  const auto distance = [&](double share) {  // from (1 - share) * fresh + share * trained
    wanted.model.start_share = share;
    const std::vector<Parameter> made = make_model(wanted, tokenizer).parameters();
    double largest = 0;
    for (size_t i = 0; i < made.size(); ++i) {
      const at::Tensor expected = (1 - share) * fresh[i].tensor + share * trained[i].tensor;
      largest = std::max(largest, (made[i].tensor - expected).abs().max().item<double>());
    }
    return largest;
  };
  EXPECT_EQ(distance(1), 0.0);
  EXPECT_LE(distance(0.25), 1e-6);
  EXPECT_EQ(distance(0), 0.0);
  double moved = 0;
  for (size_t i = 0; i < fresh.size(); ++i)
    moved = std::max(moved, (trained[i].tensor - fresh[i].tensor).abs().max().item<double>());
  EXPECT_GT(moved, 1e-3);  // six steps at 1e-3
}

TEST(MakeModel, AGeometryThatDoesNotFitIsNamedByItsRecipeKey) {
  const testing::TempFolder folder;
  testing::write_training_set(folder.path());
  auto recipe = parse(testing::squares_recipe(folder.path(), "steps = 6")).value;
  const Tokenizer tokenizer = open_tokenizer(recipe.model);
  const auto failure = [&](int64_t GeometryRecipe::*field, int64_t value) {
    Recipe changed = recipe;
    changed.model.geometry.*field = value;
    try {
      make_model(changed, tokenizer);
    } catch (const Error& error) {
      EXPECT_EQ(error.info().fix.find("config.json"), std::string::npos) << error.what();
      return error.info().where;
    }
    return std::string("no error");
  };
  EXPECT_THAT(failure(&GeometryRecipe::vision_hidden, 15), ::testing::StartsWith("model.geometry.vision_hidden "));
  EXPECT_THAT(failure(&GeometryRecipe::patch_size, 7), ::testing::StartsWith("model.geometry.image_size "));
  EXPECT_THAT(failure(&GeometryRecipe::kv_heads, 3), ::testing::StartsWith("model.geometry.heads "));
  EXPECT_THAT(failure(&GeometryRecipe::head_size, 7), ::testing::StartsWith("model.geometry.head_size "));
}

}  // namespace
}  // namespace dermis
