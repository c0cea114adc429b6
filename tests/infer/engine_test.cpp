#include "infer/engine/engine.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "core/error.h"
#include "infer/eval/contamination.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

// 3 x 2 picture whose red channel numbers its pixels:  0 1 2 / 3 4 5
Image numbered() {
  Image image{3, 2, {}};
  for (uint8_t i = 0; i < 6; ++i) image.rgb.insert(image.rgb.end(), {i, 0, 0});
  return image;
}

std::vector<int> reds(const Image& image) {
  std::vector<int> out;
  for (size_t i = 0; i < image.rgb.size(); i += 3) out.push_back(image.rgb[i]);
  return out;
}

TEST(Oriented, QuarterTurnIsClockwise) {
  const Image turned = oriented(numbered(), 1);
  EXPECT_EQ(turned.width, 2);
  EXPECT_EQ(turned.height, 3);
  EXPECT_EQ(reds(turned), (std::vector<int>{3, 0, 4, 1, 5, 2}));
}

TEST(Oriented, HalfTurnAndMirror) {
  EXPECT_EQ(reds(oriented(numbered(), 2)), (std::vector<int>{5, 4, 3, 2, 1, 0}));
  EXPECT_EQ(reds(oriented(numbered(), 4)), (std::vector<int>{2, 1, 0, 5, 4, 3}));
}

TEST(Oriented, EightViewsAreAllDifferent) {
  std::vector<std::pair<int, std::vector<int>>> seen;
  for (int view = 0; view < 8; ++view) {
    const Image image = oriented(numbered(), view);
    const auto key = std::make_pair(image.width, reds(image));
    EXPECT_EQ(std::count(seen.begin(), seen.end(), key), 0) << view;
    seen.push_back(key);
  }
}

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

TEST(Contamination, SharedGroupsAreRefused) {
  testing::TempFolder folder;
  std::ofstream(folder / "train_manifest.json") << R"({"groups": ["g1", "g2", "g3"], "shards": [], "stages": []})";
  ShardManifest held_out;
  held_out.groups = {"g0", "g2"};
  const Contamination found = check_contamination(folder.path().string(), held_out);
  EXPECT_TRUE(found.checked);
  EXPECT_EQ(found.groups, std::vector<std::string>{"g2"});
  EXPECT_THROW(refuse_contamination(found, "shards"), Error);
  held_out.groups = {"g0"};
  EXPECT_NO_THROW(refuse_contamination(check_contamination(folder.path().string(), held_out), "shards"));
}

TEST(Contamination, WithoutAManifestNothingIsClaimed) {
  testing::TempFolder folder;
  EXPECT_FALSE(check_contamination(folder.path().string(), {}).checked);
}

}  // namespace
}  // namespace dermis
