#include "models/vlm_config.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace dermis {
namespace {

TEST(VlmConfig, CountsTheParametersOfPublishedPaliGemma) {  // model card: 2,923,466,480 at 224 px
  VlmConfig config;
  EXPECT_EQ(config.parameter_count(), 2'923'466'480);
  config.vision.image_size = 448;  // 768 more positions of 1,152
  EXPECT_EQ(config.parameter_count(), 2'923'466'480 + 768 * 1152);
}

TEST(VlmConfig, PresetsHaveTheStatedGeometry) {
  const VlmConfig nano = preset("nano");
  EXPECT_EQ(nano.vision.patches(), 64);
  EXPECT_EQ(nano.language.vocabulary, 2048);
  EXPECT_EQ(nano.image_token, 1984);
  const VlmConfig small = preset("small");
  EXPECT_EQ(small.vision.patches(), 196);
  EXPECT_EQ(small.language.vocabulary, 8192);
  for (const std::string& name : preset_names()) {
    const VlmConfig config = preset(name);
    const PromptFormat prompt = config.prompt_format();
    EXPECT_EQ(prompt.tokens_per_image, config.vision.patches());
    EXPECT_EQ(prompt.image_token, config.image_token);
    EXPECT_EQ(config.image.size, config.vision.image_size);
    EXPECT_EQ(config.language.vocabulary % 64, 0);
  }
}

TEST(VlmConfig, UnknownPresetNamesTheNearest) {
  try {
    preset("nanno");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_NE(error.info().fix.find("nano"), std::string::npos);
  }
}

TEST(VlmConfig, VocabularyFollowsTheTokenizer) {
  VlmConfig config = preset("nano");
  for (const auto& [pieces, rows] : {std::pair{1000, 1024}, {1023, 1024}, {1024, 1088}, {257152, 257216}}) {
    config.fit_vocabulary(pieces);
    EXPECT_EQ(config.image_token, pieces);
    EXPECT_EQ(config.language.vocabulary, rows);
  }
}

}  // namespace
}  // namespace dermis
