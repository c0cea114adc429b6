#include "models/weights/hf_folder.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "tests/models/parity_case.h"
#include "tests/models/small_model.h"

namespace dermis {
namespace {

using testing::largest_difference;
using testing::TempFolder;

ErrorInfo error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    EXPECT_FALSE(error.info().where.empty());
    EXPECT_FALSE(error.info().fix.empty());
    return error.info();
  }
  ADD_FAILURE() << "no error";
  return {};
}

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

std::string read(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

// A saved small model in a folder of its own.
class SavedModel {
 public:
  SavedModel() : model_(testing::small_model()) {
    write(folder_ / "some.model", "a tokenizer's bytes");
    save_model(model_, path(), folder_ / "some.model");
  }
  std::string path() const { return folder_ / "saved"; }
  std::string file(const std::string& name) const { return path() + "/" + name; }
  const Vlm& model() const { return model_; }

  void edit(const std::string& name, const std::function<void(nlohmann::json&)>& change) const {
    nlohmann::json json = testing::read_json(file(name));
    change(json);
    write(file(name), json.dump());
  }
  // Rewrites the weights after `change` had its way with the list of tensors.
  void edit_weights(const std::function<void(std::vector<TensorView>&)>& change) const {
    const SafetensorsFile stored = SafetensorsFile::open(file("model.safetensors"));
    std::vector<TensorView> tensors = stored.tensors();
    change(tensors);
    write_safetensors(file("edited"), tensors, stored.metadata());
    std::filesystem::rename(file("edited"), file("model.safetensors"));
  }

 private:
  TempFolder folder_;
  Vlm model_;
};

TEST(HfFolder, WhatIsSavedLoadsBitForBit) {
  const SavedModel saved;
  LoadReport report;
  const Vlm loaded = load_model(saved.path(), {}, &report);
  const auto left = saved.model().parameters(), right = loaded.parameters();
  ASSERT_EQ(left.size(), right.size());
  for (size_t i = 0; i < left.size(); ++i) {
    EXPECT_EQ(left[i].name, right[i].name);
    EXPECT_TRUE(left[i].tensor.equal(right[i].tensor)) << left[i].name;
    EXPECT_TRUE(right[i].tensor.requires_grad());
  }
  EXPECT_EQ(report.mapped.size(), left.size());
  EXPECT_TRUE(report.unused.empty() && report.converted.empty() && report.notes.empty());
  EXPECT_EQ(report.layout, "transformers 5.6");
  EXPECT_EQ(read(saved.file("tokenizer.model")), "a tokenizer's bytes");
  EXPECT_EQ(loaded.config().image_token, saved.model().config().image_token);
}

TEST(HfFolder, PictureSettingsSurvive) {
  VlmConfig config = testing::small_config();
  config.image.filter = ResampleFilter::bilinear;
  config.image.mean = {0.485F, 0.456F, 0.406F};
  config.image.std = {0.229F, 0.224F, 0.225F};
  const TempFolder folder;
  write(folder / "some.model", "x");
  save_model(Vlm(config, 1), folder / "saved", folder / "some.model");
  for (const bool old_file : {true, false}) {
    if (!old_file) std::filesystem::remove(folder / "saved/preprocessor_config.json");
    const ImageFormat found = load_config(folder / "saved").image;
    EXPECT_EQ(found.filter, config.image.filter);
    EXPECT_EQ(found.mean, config.image.mean);
    EXPECT_EQ(found.std, config.image.std);
  }
}

using NamedLayout = std::tuple<std::string, std::string>;  // folder, what the report calls it
class Layouts : public ::testing::TestWithParam<NamedLayout> {};

// The same weights under other names, in other files: equal logits.
TEST_P(Layouts, LoadTheSameModel) {
  const auto [name, layout] = GetParam();
  const auto folder = testing::parity_folder() / "paligemma_layouts" / name;
  const auto original = testing::parity_folder() / "paligemma";
  DERMIS_NEED(folder);
  DERMIS_NEED(original);
  at::NoGradGuard no_grad;
  LoadReport report;
  const Vlm model = load_model(folder.string(), {}, &report);
  EXPECT_EQ(report.layout, layout);
  EXPECT_EQ(report.notes.size(), 1u);  // no preprocessor_config.json lies there
  const testing::ParityFile inputs(original / "inputs.safetensors"), expected(original / "expected.safetensors");
  const Batch batch = testing::pack_case(inputs, "batch1", model.config(), {0});
  const at::Tensor logits = model.logits(model.hidden_all(batch, model.encode_images(inputs["batch1.pixel_values"])));
  if (name.starts_with("bf16")) {
    EXPECT_EQ(report.converted.size(), model.parameters().size());
    EXPECT_NE(report.converted.front().find("BF16 -> F32"), std::string::npos);
    const at::Tensor tail = testing::ParityFile(folder / "expected.safetensors")["batch1.logits_float32_arithmetic"];
    EXPECT_LE(largest_difference(logits.narrow(0, logits.size(0) - tail.size(1), tail.size(1)), tail), 1e-4);
  } else {
    EXPECT_TRUE(report.converted.empty());
    EXPECT_LE(largest_difference(logits, expected["batch1.logits"]), 1e-4);
  }
  if (std::string(name) == "module_names_with_head") {
    EXPECT_THAT(report.unused, ::testing::Contains("lm_head.weight"));
  } else {
    EXPECT_TRUE(report.unused.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(Paligemma, Layouts,
                         ::testing::Values(NamedLayout{"hub_two_shards", "hub"},
                                           NamedLayout{"bf16_names_4_52_to_5_5", "transformers 4.52 to 5.5"},
                                           NamedLayout{"module_names_with_head", "module"}));

TEST(HfFolder, AnotherFamilyIsNamed) {
  const SavedModel saved;
  saved.edit("config.json", [](auto& json) { json["model_type"] = "llava"; });
  ErrorInfo info = error_of([&] { load_model(saved.path()); });
  EXPECT_EQ(info.where, saved.file("config.json") + ", model_type");
  EXPECT_EQ(info.found, "\"llava\"");
  saved.edit("config.json", [](auto& json) {
    json["model_type"] = "paligemma";
    json["text_config"]["model_type"] = "gemma2";
  });
  info = error_of([&] { load_model(saved.path()); });
  EXPECT_EQ(info.where, saved.file("config.json") + ", text_config.model_type");
}

TEST(HfFolder, NumbersThatDoNotFitEachOtherAreNamed) {
  const std::vector<std::tuple<std::string, std::string, nlohmann::json>> edits{
      {"vision_config", "patch_size", 3},         {"vision_config", "num_attention_heads", 5},
      {"text_config", "num_key_value_heads", 3},  {"text_config", "head_dim", 15},
      {"text_config", "num_hidden_layers", 0},    {"text_config", "vocab_size", 100},
      {"text_config", "hidden_size", "wide"},     {"text_config", "rms_norm_eps", -1},
      {"text_config", "hidden_size", 1e30},       {"text_config", "attention_bias", true},
      {"text_config", "hidden_act", "silu"},      {"text_config", "tie_word_embeddings", false},
      {"text_config", "eos_token_id", -1},        {"vision_config", "hidden_act", "quick_gelu"},
      {"text_config", "num_key_value_heads", -2}, {"text_config", "rope_scaling", {{"factor", 8}}}};
  for (const auto& [part, key, value] : edits) {
    SCOPED_TRACE(part + "." + key);
    const SavedModel saved;
    saved.edit("config.json", [&, p = part, k = key, v = value](auto& json) { json[p][k] = v; });
    error_of([&] { load_config(saved.path()); });
  }
}

TEST(HfFolder, PictureSizeOfAnotherModelIsNamed) {
  const SavedModel saved;
  saved.edit("preprocessor_config.json", [](auto& json) { json["size"] = {{"height", 16}, {"width", 16}}; });
  EXPECT_EQ(error_of([&] { load_config(saved.path()); }).found, "16");
  saved.edit("preprocessor_config.json", [](auto& json) { json["size"] = {{"height", 8}, {"width", 16}}; });
  error_of([&] { load_config(saved.path()); });
}

TEST(HfFolder, EveryDefectOfTheWeightsIsListedAtOnce) {
  const SavedModel saved;
  saved.edit_weights([](std::vector<TensorView>& tensors) {
    std::erase_if(tensors,
                  [](const TensorView& tensor) { return tensor.name.ends_with("layers.1.mlp.up_proj.weight"); });
    for (TensorView& tensor : tensors) {
      if (tensor.name == "multi_modal_projector.linear.weight") std::swap(tensor.shape[0], tensor.shape[1]);
      if (tensor.name.ends_with("layers.0.mlp.up_proj.weight"))
        tensor.name = "language_model.model.layers.7.mlp.up_proj.weight";
    }
  });
  const ErrorInfo info = error_of([&] { load_model(saved.path()); });
  for (const char* part : {"missing: language_model.model.layers.1.mlp.up_proj.weight [48, 32]",
                           "shape: multi_modal_projector.linear.weight is [24, 32], the model needs [32, 24]",
                           "missing: language_model.model.layers.0.mlp.up_proj.weight",
                           "no place in the model: language_model.model.layers.7.mlp.up_proj.weight"})
    EXPECT_NE(info.found.find(part), std::string::npos) << part << "\n" << info.found;
}

TEST(HfFolder, WeightsOfAnotherModelAreRefused) {
  const SavedModel saved;
  const TempFolder other;
  write(other / "some.model", "x");
  VlmConfig config = testing::small_config();
  config.language.layers = 1;
  save_model(Vlm(config, 1), other / "saved", other / "some.model");
  std::filesystem::copy_file(other / "saved/model.safetensors", saved.file("model.safetensors"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_NE(error_of([&] { load_model(saved.path()); }).found.find("missing: language_model.model.layers.2."),
            std::string::npos);
}

// Sizes that no memory holds are found out against the file before anything is allocated.
TEST(HfFolder, AbsurdSizesCostNothing) {
  const SavedModel saved;
  for (const char* key : {"intermediate_size", "vocab_size", "num_hidden_layers"}) {
    const std::string original = read(saved.file("config.json"));
    saved.edit("config.json", [&](auto& json) { json["text_config"][key] = 2000000000; });
    error_of([&] { load_model(saved.path()); });
    write(saved.file("config.json"), original);
  }
}

TEST(HfFolder, TruncatedWeightsAreNamed) {
  const SavedModel saved;
  const auto size = std::filesystem::file_size(saved.file("model.safetensors"));
  for (const auto kept : {size - 1, size / 2, uintmax_t{40}, uintmax_t{4}, uintmax_t{0}}) {
    std::filesystem::resize_file(saved.file("model.safetensors"), kept);
    EXPECT_NE(error_of([&] { load_model(saved.path()); }).where.find("model.safetensors"), std::string::npos);
  }
}

TEST(HfFolder, MissingFilesAreNamed) {
  const TempFolder empty;
  EXPECT_NE(error_of([&] { load_model(empty.path().string()); }).where.find("config.json"), std::string::npos);
  const SavedModel saved;
  std::filesystem::rename(saved.file("model.safetensors"), saved.file("pytorch_model.bin"));
  EXPECT_EQ(error_of([&] { load_model(saved.path()); }).found, "pytorch_model.bin");
  write(saved.file("config.json"), "{\"model_type\": ");
  error_of([&] { load_model(saved.path()); });
  write(saved.file("config.json"), "[1]");
  error_of([&] { load_model(saved.path()); });
}

TEST(HfFolder, AnIndexMayNotLeaveTheFolder) {
  const SavedModel saved;
  std::filesystem::rename(saved.file("model.safetensors"), saved.path() + "/../outside.safetensors");
  for (const std::string name : {"../outside.safetensors", "/etc/passwd", "a/b.safetensors", "..", "", "weights.bin"}) {
    write(saved.file("model.safetensors.index.json"), nlohmann::json{{"weight_map", {{"x", name}}}}.dump());
    EXPECT_EQ(error_of([&] { load_model(saved.path()); }).found, name);
  }
  for (const char* index : {"{}", R"({"weight_map": []})", R"({"weight_map": {}})", R"({"weight_map": {"x": 3}})"}) {
    write(saved.file("model.safetensors.index.json"), index);
    error_of([&] { load_model(saved.path()); });
  }
}

TEST(HfFolder, ShardsThatContradictTheIndexAreNamed) {
  const SavedModel saved;
  std::filesystem::rename(saved.file("model.safetensors"), saved.file("a.safetensors"));
  write(saved.file("model.safetensors.index.json"), R"({"weight_map": {"no.such.tensor": "a.safetensors"}})");
  EXPECT_NE(error_of([&] { load_model(saved.path()); }).where.find("no.such.tensor"), std::string::npos);
  std::filesystem::copy_file(saved.file("a.safetensors"), saved.file("b.safetensors"));
  write(
      saved.file("model.safetensors.index.json"),
      R"({"weight_map": {"multi_modal_projector.linear.bias": "a.safetensors", "language_model.model.norm.weight": "b.safetensors"}})");
  EXPECT_NE(error_of([&] { load_model(saved.path()); }).found.find("also in"), std::string::npos);
}

TEST(HfFolder, AHeadThatIsNotTiedIsRefused) {
  const SavedModel saved;
  const VlmConfig& config = saved.model().config();
  const at::Tensor head = at::zeros({config.language.vocabulary, config.language.hidden}, at::kFloat);
  saved.edit_weights([&](std::vector<TensorView>& tensors) {
    tensors.push_back({.name = "lm_head.weight",
                       .dtype = DType::f32,
                       .shape = head.sizes().vec(),
                       .bytes = {static_cast<const std::byte*>(head.const_data_ptr()), head.nbytes()}});
  });
  EXPECT_NE(error_of([&] { load_model(saved.path()); }).where.find("lm_head.weight"), std::string::npos);
}

TEST(HfFolder, AFolderThatCannotBeWrittenIsNamed) {
  const TempFolder folder;
  write(folder / "some.model", "x");
  error_of([&] { save_model(testing::small_model(), (folder / "some.model") + "/saved", folder / "some.model"); });
  error_of([&] { save_model(testing::small_model(), folder / "saved", folder / "absent.model"); });
  EXPECT_FALSE(std::filesystem::exists(folder / "saved/config.json"));
}

}  // namespace
}  // namespace dermis
