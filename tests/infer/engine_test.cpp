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
