#include "train/checkpoint/checkpoint.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::TempFolder;

NamedTensors some_tensors(float value) { return {{"a", at::full({2, 3}, value)}, {"b", at::full({4}, value + 1)}}; }

CheckpointContent content(int step) {
  return {
      .weights = some_tensors(static_cast<float>(step)), .optimizer = some_tensors(0.5F), .state = {{"step", step}}};
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(Checkpoint, BringsBackWhatWasWritten) {
  const TempFolder folder;
  CheckpointStore store(folder / "checkpoints", 2);
  store.write(7, content(7));
  std::vector<std::string> notes;
  const auto found = store.newest(notes);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->step, 7);
  EXPECT_EQ(found->state.at("step"), 7);
  EXPECT_TRUE(notes.empty());
  NamedTensors tensors = some_tensors(0);
  read_tensors(found->folder + "/weights.safetensors", tensors);
  EXPECT_TRUE(at::equal(tensors[0].second, at::full({2, 3}, 7.0F)));
  EXPECT_TRUE(at::equal(tensors[1].second, at::full({4}, 8.0F)));
}

TEST(Checkpoint, KeepsTheLastOnesAndTheBest) {
  const TempFolder folder;
  CheckpointStore store(folder / "checkpoints", 2);
  for (const int step : {5, 10, 15}) {
    store.write(step, content(step));
    store.write_best(step, content(step));
  }
  store.keep_only_best(10);
  EXPECT_EQ(names_in(folder / "checkpoints"),
            (std::vector<std::string>{"best-000000010", "step-000000010", "step-000000015"}));
}

TEST(Checkpoint, PassesOverTornOnesWithANote) {
  const TempFolder folder;
  CheckpointStore store(folder / "checkpoints", 4);
  for (const int step : {1, 2, 3, 4}) store.write(step, content(step));
  const std::string base = folder / "checkpoints/step-00000000";
  fs::resize_file(base + "4/optimizer.safetensors", 40);
  std::fstream(base + "3/weights.safetensors", std::ios::in | std::ios::out).seekp(-1, std::ios::end).put('x');
  fs::remove(base + "2/manifest.json");
  std::vector<std::string> notes;
  const auto found = store.newest(notes);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->step, 1);
  ASSERT_EQ(notes.size(), 3U);
  EXPECT_THAT(notes[0], HasSubstr("optimizer.safetensors has 40 of"));
  EXPECT_THAT(notes[1], HasSubstr("weights.safetensors differs from its hash"));
  EXPECT_THAT(notes[2], HasSubstr("manifest.json"));
}

TEST(Checkpoint, ATornOneTakesNoPlace) {
  const TempFolder folder;
  const std::string path = folder / "checkpoints";
  for (const int step : {1, 2, 3}) CheckpointStore(path, 3).write(step, content(step));
  fs::resize_file(path + "/step-000000003/optimizer.safetensors", 40);
  CheckpointStore store(path, 2);
  std::vector<std::string> notes;
  EXPECT_EQ(store.newest(notes)->step, 2);
  store.write(4, content(4));
  EXPECT_EQ(names_in(path), (std::vector<std::string>{"step-000000002", "step-000000003", "step-000000004"}));
  store.write(5, content(5));
  EXPECT_EQ(names_in(path), (std::vector<std::string>{"step-000000004", "step-000000005"}));
}

TEST(Checkpoint, RemovesWhatAKilledWriterLeft) {
  const TempFolder folder;
  CheckpointStore store(folder / "checkpoints", 2);
  store.write(1, content(1));
  fs::create_directory(folder / "checkpoints/.step-000000002.17-3.part");
  std::vector<std::string> notes;
  EXPECT_EQ(store.newest(notes)->step, 1);
  EXPECT_EQ(notes.size(), 1U);
  EXPECT_EQ(names_in(folder / "checkpoints"), std::vector<std::string>{"step-000000001"});
}

TEST(Checkpoint, TensorsOfAnotherModelAreNamed) {
  const TempFolder folder;
  write_tensors(folder / "t.safetensors", some_tensors(1));
  const NamedTensors other{{"a", at::zeros({3, 2})}, {"c", at::zeros({4})}};
  try {
    read_tensors(folder / "t.safetensors", other);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(exit_code(error.kind()), 3);
    EXPECT_THAT(error.what(), HasSubstr("a: shape [2, 3] instead of [3, 2]"));
    EXPECT_THAT(error.what(), HasSubstr("c: missing"));
    EXPECT_THAT(error.what(), HasSubstr("b: not in the model"));
  }
  const NamedTensors halves{{"a", at::zeros({2, 3}, at::kBFloat16)}, {"b", at::zeros({4})}};
  try {
    read_tensors(folder / "t.safetensors", halves);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("a: type F32 instead of BF16"));
  }
}

TEST(Checkpoint, AnUnwritableFolderIsOneError) {
  const TempFolder folder;
  std::ofstream(folder / "file") << "x";
  EXPECT_THROW(CheckpointStore(folder / "file/checkpoints", 2), Error);
}

}  // namespace
}  // namespace dermis
