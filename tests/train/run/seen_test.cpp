// What a run has seen, over stages and starting models, and validation that meets it.
#include "train/run/seen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "core/io/hash.h"
#include "core/random.h"
#include "tests/support/paths.h"
#include "tests/train/run_support.h"

namespace dermis {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

// Squares number `first` and so on; a picture's hash says its number, whatever its id and group.
std::string write(const std::string& folder, const std::string& name, int first, int count) {
  ShardWriter writer(folder, 1 << 20);
  for (int i = first; i < first + count; ++i) {
    ShardSample sample = testing::square(i, name);
    sample.item.split.clear();
    sample.records[0].split.clear();
    sample.item.sha256 = to_hex(stable_hash(std::to_string(i))) + std::string(48, '0');
    sample.item.phash = to_hex(stable_hash("looks " + std::to_string(i)));
    writer.add(sample);
  }
  writer.finish({});
  return folder;
}

class Seen : public ::testing::Test {
 protected:
  // One stage a pair of training and validation folder.
  SeenPictures seen(const std::vector<std::pair<std::string, std::string>>& folders, const std::string& start = "") {
    Recipe recipe;
    recipe.model.start = start;
    std::vector<StageShards> stages;
    for (const auto& [training, validation] : folders) {
      StageRecipe stage;
      stage.name = "stage " + std::to_string(recipe.stages.size());
      stage.data.resize(1);
      stage.data[0].shards = training;
      stage.validation.shards = {validation};
      recipe.stages.push_back(stage);
      stages.push_back(open_shards(stage));
    }
    return seen_by(recipe, stages);
  }
  std::string error_of(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data);
      return error.what();
    }
    return "no error";
  }
  testing::TempFolder folder_;
  std::string train_ = write(folder_ / "train", "train", 0, 6), other_ = write(folder_ / "other", "other", 10, 4);
  std::string val_ = write(folder_ / "val", "val", 20, 3);
  // Pictures 4 and 5 of `train` once more, imported under other names and split anew.
  std::string again_ = write(folder_ / "again", "again", 4, 3);
};

TEST_F(Seen, StagesAddUp) {
  const SeenPictures all = seen({{train_, val_}, {other_, val_}});
  EXPECT_EQ(all.pictures.size(), 10U);
  EXPECT_EQ(all.groups.size(), 10U);
  EXPECT_EQ(all.shards.size(), 2U);
  EXPECT_THAT(all.stages, UnorderedElementsAre("stage 0", "stage 1"));
  EXPECT_TRUE(all.gaps.empty());
}

TEST_F(Seen, ValidationOfTheSameStageMayHoldNoTrainedPicture) {
  EXPECT_THAT(error_of([&] {
                seen({{train_, again_}});
              }),
              HasSubstr("2 pictures (2 by the same bytes), e.g. again_4, again_5"));
  EXPECT_EQ(error_of([&] { seen({{other_, again_}}); }), "no error");
}

TEST_F(Seen, NorOneOfAnEarlierStage) {
  EXPECT_THAT(error_of([&] { seen({{train_, val_}, {other_, again_}}); }), HasSubstr("stage 1"));
  EXPECT_EQ(error_of([&] {
              seen({{other_, again_}, {train_, val_}});
            }),
            "no error")
      << "what only a later stage trains on had not been seen";
}

TEST_F(Seen, NorOneOfTheStartingModel) {
  std::ofstream(folder_ / "train_manifest.json") << to_json(seen({{train_, val_}})).dump();
  const std::string start = folder_.path().string();
  EXPECT_THAT(error_of([&] { seen({{other_, again_}}, start); }), HasSubstr("2 by the same bytes"));
  EXPECT_EQ(seen({{other_, val_}}, start).pictures.size(), 10U);
}

// Its manifest names the very shards, but none of their pictures.
TEST_F(Seen, AnEarlierVersionsManifestHidesNoPicture) {
  nlohmann::ordered_json old = to_json(seen({{train_, val_}}));
  old.erase("pictures");
  old.erase("gaps");
  std::ofstream(folder_ / "train_manifest.json") << old.dump();
  const SeenPictures all = seen({{train_, val_}}, folder_.path().string());
  EXPECT_EQ(all.pictures.size(), 6U);
  EXPECT_EQ(all.shards.size(), 1U);
  EXPECT_THAT(all.gaps, UnorderedElementsAre(HasSubstr("leakage groups alone")));
}

TEST_F(Seen, AStartOfUnknownTrainingStaysAGap) {
  EXPECT_THAT(seen({{train_, val_}}, folder_.path().string()).gaps,
              UnorderedElementsAre(HasSubstr("no train_manifest.json")));
}

}  // namespace
}  // namespace dermis
