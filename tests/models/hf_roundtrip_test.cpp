// The half of the round trip that dermis does: saves a model folder and what it computes with it. The other half,
// hf_roundtrip.py beside this file, loads the folder with transformers and compares. Run through that script.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "core/io/safetensors.h"
#include "data/batch/loader.h"
#include "data/image/image.h"
#include "models/weights/hf_folder.h"
#include "tests/models/parity_case.h"

namespace dermis {
namespace {

class Dump {
 public:
  void add(const std::string& name, const at::Tensor& tensor) {
    kept_.push_back(tensor.detach().contiguous());
    const at::Tensor& kept = kept_.back();
    const DType dtype = kept.scalar_type() == at::kFloat  ? DType::f32
                        : kept.scalar_type() == at::kLong ? DType::i64
                                                          : DType::u8;
    views_.push_back({.name = name,
                      .dtype = dtype,
                      .shape = kept.sizes().vec(),
                      .bytes = {static_cast<const std::byte*>(kept.const_data_ptr()), kept.nbytes()}});
  }
  void write(const std::string& path) { write_safetensors(path, views_); }

 private:
  std::vector<at::Tensor> kept_;
  std::vector<TensorView> views_;
};

void dump_preset(const std::string& name, const std::filesystem::path& source, const std::filesystem::path& out) {
  at::NoGradGuard no_grad;
  const Tokenizer tokenizer = Tokenizer::load((source / "tokenizer.model").string());
  VlmConfig config = preset(name);
  config.fit_vocabulary(tokenizer.size());
  const Vlm model(config, 7);
  save_model(model, out.string(), (source / "tokenizer.model").string());

  const nlohmann::json facts = testing::read_json(source / "case.json");
  std::vector<SequenceText> sequences;
  const int64_t side = config.image.size;
  std::vector<uint8_t> planes(static_cast<size_t>(2 * 3 * side * side));
  nlohmann::json samples = nlohmann::json::array();
  for (int i = 0; i < 2; ++i) {
    const std::string picture = (source / facts["pictures"][i].get<std::string>()).string();
    to_planes(read_image(picture), config.image, planes.data() + i * 3 * side * side);
    const std::string question = facts["prompts"][i][0], answer = facts["prompts"][i][1];
    Turn turn;
    turn.question = question;
    turn.answer = answer;
    sequences.push_back({.sample_id = std::to_string(i), .turns = {turn}, .image = i});
    samples.push_back({{"picture", picture}, {"question", question}, {"answer", answer}});
  }
  const Batch batch = pack(sequences, planes, 2, tokenizer, config.image, config.prompt_format(), false);
  Dump dump;
  const at::Tensor pixels = at::from_blob(planes.data(), {2, 3, side, side}, at::kByte);
  dump.add("pixels", pixels);
  dump.add("pixel_values", model.normalize(pixels));
  dump.add("tokens", at::tensor(std::vector<int64_t>(batch.tokens.begin(), batch.tokens.end())));
  dump.add("offsets", at::tensor(std::vector<int64_t>(batch.sequence_offsets.begin(), batch.sequence_offsets.end())));
  dump.add("logits", model.logits(model.hidden_all(batch)));
  dump.write((out / "dermis.safetensors").string());
  std::ofstream(out / "samples.json") << samples.dump(1);
}

TEST(HfRoundtrip, DISABLED_DumpForTransformers) {
  const auto source = testing::parity_folder() / "paligemma";
  DERMIS_NEED(source);
  for (const std::string& name : preset_names())
    dump_preset(name, source, std::filesystem::path("hf_roundtrip") / name);
}

}  // namespace
}  // namespace dermis
