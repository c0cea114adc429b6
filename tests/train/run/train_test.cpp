#include "train/run/train.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/io/hash.h"
#include "core/io/read_file.h"
#include "core/io/safetensors.h"
#include "core/log/run_log.h"
#include "core/process.h"
#include "tests/support/paths.h"
#include "tests/train/run_support.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::squares_recipe;
using testing::TempFolder;
using testing::write_training_set;

ResolvedConfig<Recipe> parse(const std::string& text, const std::vector<std::string>& overrides = {}) {
  auto recipe = resolve_config<Recipe>({{"recipe.toml", text}}, overrides);
  check_recipe(recipe.value, "recipe.toml");
  return recipe;
}

std::string weights_of(const std::string& out) { return sha256_of_file(out + "/model/model.safetensors"); }

std::string error_of(const std::function<void()>& action, int code) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(exit_code(error.kind()), code) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no error";
  return "";
}

constexpr const char* kShort = "steps = 24\nbatch = {images = 4}\noptimizer = {lr_peak = 1e-2, warmup_steps = 4}";

TEST(Train, LearnsTheColoursAndSaysWhatItHasSeen) {
  const TempFolder folder;
  write_training_set(folder.path());
  const std::string out = folder / "run";
  const auto recipe = parse(squares_recipe(
      folder.path(),
      "steps = 80\nbatch = {images = 6}\noptimizer = {lr_peak = 1e-2, warmup_steps = 4, ema_decay = 0.9}"));
  const TrainSummary summary = train(recipe, {.out = out});
  EXPECT_EQ(summary.steps, 80);
  EXPECT_TRUE(fs::exists(out + "/model/config.json"));
  const auto manifest = nlohmann::json::parse(read_file(out + "/model/train_manifest.json"));
  EXPECT_EQ(manifest.at("groups").size(), 12U);
  EXPECT_EQ(manifest.at("groups")[0], "train_group_0");
  EXPECT_TRUE(manifest.contains("pictures"));
  EXPECT_EQ(manifest.at("stages"), nlohmann::json({"only"}));
  EXPECT_EQ(manifest.at("shards")[0].at("fingerprint").get<std::string>(),
            ShardReader(folder / "train").manifest().fingerprint);
  const auto curves = read_scalars(out);
  EXPECT_EQ(curves.at("train/loss").size(), 80U);
  EXPECT_LT(curves.at("validation/loss").back().value, 0.3 * curves.at("validation/loss").front().value);
}

// Also from a checkpoint of weights in bf16, whose steps are rounded by chance.
class Resume : public ::testing::TestWithParam<const char*> {};

TEST_P(Resume, AResumedRunEndsInTheSameWeights) {
  const TempFolder folder;
  write_training_set(folder.path());
  const std::string text =
      squares_recipe(folder.path(), std::string(kShort) + "\naugment = {flips = true, colour = 0.2}",
                     std::string("weights = \"") + GetParam() + "\"\ncheckpoint = {every_steps = 7, keep = 9}\n");
  train(parse(text), {.out = folder / "whole"});
  train(parse(text), {.out = folder / "cut"});
  // As if killed after the first checkpoint: everything later is gone.
  fs::remove_all(folder / "cut/model");
  for (const char* later : {"14", "21", "24"})
    fs::remove_all(folder / ("cut/checkpoints/step-0000000" + std::string(later)));
  ASSERT_TRUE(fs::exists(folder / "cut/checkpoints/step-000000007"));
  train(parse(text), {.out = folder / "cut", .resume = true});
  EXPECT_EQ(weights_of(folder / "cut"), weights_of(folder / "whole"));
}

INSTANTIATE_TEST_SUITE_P(Weights, Resume, ::testing::Values("fp32", "bf16"),
                         [](const auto& info) { return std::string(info.param); });

TEST(Train, LearnsWithWeightsInBf16) {
  const TempFolder folder;
  write_training_set(folder.path());
  const auto recipe = parse(
      squares_recipe(folder.path(), "steps = 80\nbatch = {images = 6}\noptimizer = {lr_peak = 1e-2, warmup_steps = 4}",
                     "weights = \"bf16\"\n"));
  train(recipe, {.out = folder / "run"});
  const auto losses = read_scalars(folder / "run").at("validation/loss");
  EXPECT_LT(losses.back().value, 0.3 * losses.front().value);
  // What is saved is what was trained: every number is one of bf16.
  const auto file = SafetensorsFile::open(folder / "run/model/model.safetensors");
  for (const TensorView& view : file.tensors()) {
    std::vector<uint32_t> words(view.bytes.size() / 4);
    std::memcpy(words.data(), view.bytes.data(), view.bytes.size());
    EXPECT_TRUE(std::all_of(words.begin(), words.end(), [](uint32_t word) { return (word & 0xffffU) == 0; }))
        << view.name;
  }
}

TEST(Train, RefusesToGoOnWithOtherDataOrAnotherRecipe) {
  const TempFolder folder;
  write_training_set(folder.path());
  const std::string text = squares_recipe(folder.path(), kShort, "checkpoint = {every_steps = 7}\n");
  const std::string out = folder / "run";
  train(parse(text), {.out = out});
  EXPECT_THAT(error_of([&] { train(parse(text), {.out = out}); }, 3), HasSubstr("--resume"));
  EXPECT_THAT(
      error_of([&] { train(parse(text, {"stages[0].optimizer.lr_peak=2e-2"}), {.out = out, .resume = true}); }, 3),
      HasSubstr("another recipe"));
  EXPECT_THAT(error_of(
                  [&] {
                    train(parse(text, {"model.geometry.hidden=32"}),
                          {.out = out, .resume = true, .changed_recipe = true});
                  },
                  3),
              HasSubstr("another model"));
  fs::remove_all(folder / "train");
  testing::write_squares(folder / "train", 10, "train");
  EXPECT_THAT(error_of([&] { train(parse(text), {.out = out, .resume = true}); }, 3), HasSubstr("other data"));
}

std::string value_in(const std::string& toml, const std::string& key) {
  for (size_t at = 0; at < toml.size(); at = toml.find('\n', at) + 1) {
    if (toml.compare(at, key.size() + 3, key + " = ") != 0) continue;
    const size_t begin = at + key.size() + 3;
    return toml.substr(begin, toml.find_first_of(" \n", begin) - begin);
  }
  return "";
}

// A run of 24 steps as if it had been killed after its checkpoint of step 7.
void cut_run(const std::string& text, const std::string& out) {
  train(parse(text), {.out = out});
  fs::remove_all(out + "/model");
  for (const char* later : {"14", "21", "24"}) fs::remove_all(out + "/checkpoints/step-0000000" + later);
}

TEST(Train, AChangedRecipeIsListedRecordedAndPlannedAnew) {
  const TempFolder folder;
  write_training_set(folder.path());
  const std::string text =
      squares_recipe(folder.path(), kShort, "checkpoint = {every_steps = 7, keep = 9}\n") + "keep_best = \"none\"\n";
  const std::string out = folder / "run";
  cut_run(text, out);
  const auto changed = parse(text, {"stages[0].steps=30", "stages[0].optimizer.lr_peak=5e-3", "log_every_s=3"});
  const std::string refusal = error_of([&] { train(changed, {.out = out, .resume = true}); }, 3);
  EXPECT_THAT(refusal, HasSubstr("expected: stages[0].optimizer.lr_peak = 0.01, stages[0].steps = 24\n"));
  EXPECT_THAT(refusal, HasSubstr("found: stages[0].optimizer.lr_peak = 0.005, stages[0].steps = 30\n"));
  EXPECT_EQ(value_in(read_file(out + "/recipe.toml"), "steps"), "24");
  EXPECT_EQ(train(changed, {.out = out, .resume = true, .changed_recipe = true}).steps, 30);
  EXPECT_EQ(value_in(read_file(out + "/recipe.toml"), "steps"), "30");
  EXPECT_EQ(value_in(read_file(out + "/recipe-1.toml"), "steps"), "24");
  EXPECT_EQ(read_scalars(out).at("train/loss").size(), 30U);
}

TEST(Train, ASmallerLengthThanTheStepsTakenEndsTheStage) {
  const TempFolder folder;
  write_training_set(folder.path());
  const std::string text = squares_recipe(folder.path(), kShort, "checkpoint = {every_steps = 7, keep = 9}\n");
  cut_run(text, folder / "run");
  const TrainOptions options{.out = folder / "run", .resume = true, .changed_recipe = true};
  EXPECT_EQ(train(parse(text, {"stages[0].steps=5"}), options).steps, 7);
}

TEST(Train, AFinishedRunHasNothingToChange) {
  const TempFolder folder;
  write_training_set(folder.path());
  const std::string text = squares_recipe(folder.path(), kShort);
  const std::string out = folder / "run";
  train(parse(text), {.out = out});
  const std::string refusal = error_of(
      [&] { train(parse(text, {"stages[0].steps=60"}), {.out = out, .resume = true, .changed_recipe = true}); }, 3);
  EXPECT_THAT(refusal, HasSubstr("the run is finished"));
  EXPECT_THAT(refusal, HasSubstr("model.start"));
  EXPECT_FALSE(fs::exists(out + "/recipe-1.toml"));
  EXPECT_EQ(train(parse(text), {.out = out, .resume = true}).steps, 24);
}

TEST(Train, AStartThatFailsLeavesNoRunBehind) {
  const TempFolder folder;
  write_training_set(folder.path());
  const std::string text = squares_recipe(folder.path(), kShort);
  const std::string out = folder / "run";
  const std::string message = error_of([&] { train(parse(text, {"stages[0].batch.max_tokens=5"}), {.out = out}); }, 3);
  EXPECT_THAT(message, HasSubstr("batch.max_tokens"));
  EXPECT_THAT(message, HasSubstr("batch.question_weights"));
  EXPECT_FALSE(fs::exists(out));
  EXPECT_EQ(train(parse(text), {.out = out}).steps, 24);
}

TEST(Train, AccuracyOfNothingIsRefusedBeforeTraining) {
  const TempFolder folder;
  write_training_set(folder.path());
  const std::string text = squares_recipe(folder.path(), kShort);
  const std::string accuracy = "stages[0].validation.keep_best=accuracy";
  const std::string types = "stages[0].validation.accuracy_questions=";
  const auto message = [&](const std::vector<std::string>& overrides) {
    return error_of([&] { train(parse(text, overrides), {.out = folder / "run"}); }, 3);
  };
  EXPECT_THAT(message({accuracy, types + "[\"colours\"]"}), HasSubstr("did you mean 'colour'?"));
  fs::remove_all(folder / "val");
  testing::write_squares(folder / "val", 4, "val", [](Record& record) { record.turns[0].options.clear(); });
  EXPECT_THAT(message({accuracy}), HasSubstr("no closed question to count"));
  EXPECT_THAT(message({accuracy, types + "[\"colour\"]"}), HasSubstr("no closed question to count"));
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(Train, QuestionTypesThatNoRecordHasAreNamed) {
  const TempFolder folder;
  write_training_set(folder.path());
  const std::string text = squares_recipe(folder.path(), kShort);
  const std::string message = error_of(
      [&] { train(parse(text, {"stages[0].batch.question_weights={colour=1,color=3}"}), {.out = folder / "run"}); }, 3);
  EXPECT_THAT(message, HasSubstr("stages[0].batch.question_weights"));
  EXPECT_THAT(message, HasSubstr("unknown question type 'color'"));
  EXPECT_THAT(message, HasSubstr("did you mean 'colour'?"));
}

// A type of the field that a site's shards happen to lack: recipes for many sites name it.
TEST(Train, ATypeOfTheFieldThatIsAbsentHereIsANote) {
  const TempFolder folder;
  write_training_set(folder.path());
  fs::remove_all(folder / "train");
  testing::write_squares(folder / "train", 12, "train", {}, "dermatology");
  const auto recipe =
      parse(squares_recipe(folder.path(), kShort), {"stages[0].batch.question_weights={colour=1,diagnosis_closed=2}"});
  ::testing::internal::CaptureStderr();
  train(recipe, {.out = folder / "run"});
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("stages[0].batch.question_weights names diagnosis_closed"));
}

TEST(Train, WarnsOfRecordsThatAreTooLong) {
  const TempFolder folder;
  write_training_set(folder.path());
  fs::remove_all(folder / "train");
  testing::write_squares(folder / "train", 12, "train", [](Record& record) {
    if (record.item != "train_0" && record.item != "train_1" && record.item != "train_2") return;
    for (int i = 0; i < 6; ++i) record.turns[0].question += record.turns[0].question;
  });
  const std::string text = squares_recipe(folder.path(), kShort);
  ::testing::internal::CaptureStderr();
  train(parse(text, {"stages[0].batch.max_tokens=40"}), {.out = folder / "run"});
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("3 of 12 records (25 %) are longer than stages[0].batch.max_tokens = 40 and are left out"));
}

TEST(Train, MoreThreadsThanTheMachineCanRunAreRefused) {
  const TempFolder folder;
  write_training_set(folder.path());
  const std::string text = squares_recipe(folder.path(), kShort);
  const std::string many = std::to_string(most_threads() + 1);
  for (const std::string key : {"threads", "loader_threads"}) {
    if (most_threads() == kMostThreads) GTEST_SKIP() << "skipped: the limit of the field itself is lower here";
    const std::string message = error_of([&] { train(parse(text, {key + "=" + many}), {.out = folder / "run"}); }, 2);
    EXPECT_THAT(message, HasSubstr(std::to_string(hardware_threads()) + " hardware threads"));
    EXPECT_THAT(message, HasSubstr("--resume"));
  }
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(Train, StopsWhenValidationNoLongerImproves) {
  const TempFolder folder;
  write_training_set(folder.path());
  // A learning rate of nearly nothing: after the first, validations do not get better by more than rounding.
  const auto recipe =
      parse(squares_recipe(folder.path(),
                           "steps = 400\nbatch = {images = 4}\noptimizer = {lr_peak = 1e-30, warmup_steps = 0}"),
            {"stages[0].validation.every_steps=2", "stages[0].validation.patience=3"});
  EXPECT_EQ(train(recipe, {.out = folder / "run"}).steps, 6);
}

TEST(Train, RefusesLeakageAndTestShards) {
  const TempFolder folder;
  write_training_set(folder.path());
  testing::write_squares(folder / "test", 4, "test");
  const std::string text = squares_recipe(folder.path(), kShort);
  const std::string same = "stages[0].validation.shards=[\"" + (folder / "train") + "\"]";
  EXPECT_THAT(error_of([&] { train(parse(text, {same}), {.out = folder / "run"}); }, 3),
              HasSubstr("12 by the same leakage group"));
  const std::string test = "stages[0].data[0].shards=" + (folder / "test");
  EXPECT_THAT(error_of([&] { train(parse(text, {test}), {.out = folder / "run"}); }, 3), HasSubstr("test split"));
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(Train, AFolderThatCannotBeWrittenIsOneError) {
  const TempFolder folder;
  write_training_set(folder.path());
  std::ofstream(folder / "file") << "x";
  error_of([&] { train(parse(squares_recipe(folder.path(), kShort)), {.out = folder / "file/run"}); }, 3);
}

}  // namespace
}  // namespace dermis
