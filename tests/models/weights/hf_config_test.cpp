#include "models/weights/hf_config.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace dermis {
namespace {

VlmConfig read(const std::string& text) { return config_from_json(nlohmann::json::parse(text), "config.json"); }

// The config.json published with paligemma-3b-pt-224: what it leaves out are GemmaConfig's and SiglipVisionConfig's.
constexpr const char* kPublished = R"({
  "architectures": ["PaliGemmaForConditionalGeneration"], "bos_token_id": 2, "eos_token_id": 1, "hidden_size": 2048,
  "image_token_index": 257152, "model_type": "paligemma", "pad_token_id": 0, "projection_dim": 2048,
  "text_config": {"hidden_size": 2048, "intermediate_size": 16384, "model_type": "gemma", "num_attention_heads": 8,
                  "num_hidden_layers": 18, "num_image_tokens": 256, "num_key_value_heads": 1, "torch_dtype": "float32",
                  "vocab_size": 257216},
  "torch_dtype": "float32",
  "vision_config": {"hidden_size": 1152, "intermediate_size": 4304, "model_type": "siglip_vision_model",
                    "num_attention_heads": 16, "num_hidden_layers": 27, "num_image_tokens": 256, "patch_size": 14,
                    "projection_dim": 2048, "projector_hidden_act": "gelu_fast", "vision_use_head": false}})";

TEST(HfConfig, PublishedSparseForm) {
  const VlmConfig config = read(kPublished);
  EXPECT_EQ(config.parameter_count(), 2'923'466'480);
  EXPECT_EQ(config.language.head_size, 256);
  EXPECT_EQ(config.language.rope_base, 10000);
  EXPECT_EQ(config.language.max_positions, 8192);
  EXPECT_EQ(config.language.rms_norm_eps, 1e-6);
  EXPECT_EQ(config.vision.image_size, 224);
  EXPECT_EQ(config.vision.layer_norm_eps, 1e-6);
  EXPECT_EQ(config.bos, 2);
  EXPECT_EQ(config.eos, 1);
  EXPECT_EQ(config.pad, 0);
  EXPECT_EQ(config.image_token, 257152);
}

// What transformers 5 fills in when a part is absent altogether.
TEST(HfConfig, AbsentPartsAreTheFamilysDefaults) {
  const VlmConfig config = read(R"({"model_type": "paligemma"})");
  EXPECT_EQ(config.language.hidden, 2048);
  EXPECT_EQ(config.language.layers, 18);
  EXPECT_EQ(config.language.kv_heads, 1);
  EXPECT_EQ(config.language.vocabulary, 257152);
  EXPECT_EQ(config.vision.hidden, 1152);
  EXPECT_EQ(config.vision.patch_size, 14);
  EXPECT_EQ(config.image_token, 256000);
}

TEST(HfConfig, RopeBaseOldAndNewKey) {
  EXPECT_EQ(read(R"({"model_type": "paligemma", "text_config": {"rope_theta": 5000, "hidden_size": 2048}})")
                .language.rope_base,
            5000);
  EXPECT_EQ(
      read(
          R"({"model_type": "paligemma", "text_config": {"hidden_size": 2048, "rope_parameters": {"rope_theta": 7000, "rope_type": "default"}}})")
          .language.rope_base,
      7000);
  EXPECT_THROW(
      read(
          R"({"model_type": "paligemma", "text_config": {"hidden_size": 2048, "rope_parameters": {"rope_type": "linear", "factor": 8}}})"),
      Error);
}

TEST(HfConfig, WrittenFormReadsBack) {
  for (const std::string& name : preset_names()) {
    const VlmConfig config = preset(name);
    const VlmConfig back = config_from_json(nlohmann::json::parse(config_to_json(config).dump()), "config.json");
    EXPECT_EQ(config_to_json(back).dump(), config_to_json(config).dump());
    EXPECT_EQ(back.parameter_count(), config.parameter_count());
  }
}

TEST(HfConfig, ProjectorOfAnotherWidthIsNamed) {
  try {
    read(R"({"model_type": "paligemma", "projection_dim": 512, "text_config": {"hidden_size": 2048}})");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.info().where, "config.json, projection_dim");
  }
}

}  // namespace
}  // namespace dermis
