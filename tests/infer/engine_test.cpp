#include "infer/engine/engine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "core/error.h"
#include "infer/eval/contamination.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

TEST(Probabilities, SoftmaxOfLogLikelihoods) {
  const auto p = probabilities_of({std::log(0.1), std::log(0.3)});
  EXPECT_NEAR(p[0], 0.25, 1e-12);
  EXPECT_NEAR(p[1], 0.75, 1e-12);
  EXPECT_TRUE(probabilities_of({}).empty());
}

TEST(OpenEngine, MissingFolderIsNamed) {
  try {
    open_engine("no/such/model");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_EQ(error.info().where, "no/such/model");
    EXPECT_FALSE(error.info().fix.empty());
  }
}

// A held-out folder of one picture.
ShardReader held_out(const testing::TempFolder& folder, const std::string& sha256, const std::string& group) {
  ShardSample sample;
  sample.item.id = "picture";
  sample.item.image = "picture.png";
  sample.item.sha256 = sha256;
  sample.item.phash = "00000000ffffffff";
  sample.item.group = group;
  sample.item.licence = "CC0-1.0";
  sample.extension = "png";
  sample.image = {1, 2, 3};
  ShardWriter writer(folder / "test", 1 << 20, IfExists::replace);
  writer.add(sample);
  writer.finish({});
  return ShardReader(folder / "test");
}

Recognition check(const testing::TempFolder& folder, const std::string& manifest, const std::string& sha256,
                  const std::string& group) {
  std::ofstream(folder / "train_manifest.json") << manifest;
  return check_contamination(folder.path().string(), held_out(folder, sha256, group));
}

// 64 digits; a manifest keeps the first 32.
const std::string kBytes = "00112233445566778899aabbccddeeff" + std::string(32, '0');
const std::string kSeen = R"({"groups": ["g1"], "shards": [], "stages": [], "gaps": [], "pictures": [
  "00112233445566778899aabbccddeeff - - -"]})";

TEST(Contamination, TheSameBytesInAnotherGroupAreRefused) {
  const testing::TempFolder folder;
  const Recognition found = check(folder, kSeen, kBytes, "g7");
  EXPECT_EQ(verdict_of(found), "contaminated");
  EXPECT_EQ(to_json(found).at("by").at("the same bytes"), 1);
  EXPECT_THROW(refuse_contamination(found, "shards"), Error);
}

TEST(Contamination, OtherPicturesAreClean) {
  const testing::TempFolder folder;
  const Recognition found = check(folder, kSeen, std::string(64, '7'), "g7");
  EXPECT_EQ(verdict_of(found), "clean");
  EXPECT_NO_THROW(refuse_contamination(found, "shards"));
}

TEST(Contamination, SharedGroupsOfAnOldManifestAreRefusedOthersAreNotCalledClean) {
  const testing::TempFolder folder;
  const std::string old = R"({"groups": ["g1", "g2"], "shards": [], "stages": []})";
  EXPECT_THROW(refuse_contamination(check(folder, old, kBytes, "g2"), "shards"), Error);
  const Recognition found = check(folder, old, kBytes, "g7");
  EXPECT_NO_THROW(refuse_contamination(found, "shards"));
  EXPECT_EQ(verdict_of(found), "not checked");
}

TEST(Contamination, NeverSplitMeansNotChecked) {
  const testing::TempFolder folder;
  EXPECT_EQ(verdict_of(check(folder, kSeen, std::string(64, '7'), "")), "not checked");
}

TEST(Contamination, WithoutAManifestNothingIsClaimed) {
  const testing::TempFolder folder;
  EXPECT_EQ(verdict_of(check_contamination(folder.path().string(), held_out(folder, kBytes, "g1"))), "not checked");
}

}  // namespace
}  // namespace dermis
