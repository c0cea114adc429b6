#include "data/text/hf_files.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "data/text/token_definition.h"

namespace dermis {
namespace {

using Json = nlohmann::ordered_json;

AddedToken control_word(int32_t id, std::string content) {
  AddedToken token;
  token.id = id;
  token.content = std::move(content);
  token.special = true;
  return token;
}

void place_image_token(TokenDefinition& definition, int32_t image_token, const std::string& path) {
  if (const auto* token = definition.find_added(kImageWord); token != nullptr && token->id == image_token) return;
  const bool taken = image_token < definition.size();
  if (taken || definition.find_added(kImageWord) != nullptr) {
    const auto* known = definition.find_added(kImageWord);
    throw Error(ErrorKind::data,
                {.what = "the model and the tokenizer disagree about the image token",
                 .where = path,
                 .expected = "<image> with id " + std::to_string(image_token) + ", as the model's config has it",
                 .found = known != nullptr ? "<image> with id " + std::to_string(known->id)
                                           : "piece " + definition.pieces[static_cast<size_t>(image_token)],
                 .fix = "use the tokenizer that the model was made with"});
  }
  for (int32_t id = definition.size(); id < image_token; ++id) {
    definition.added.push_back(control_word(id, "<unused" + std::to_string(id) + ">"));
  }
  definition.added.push_back(control_word(image_token, kImageWord));
}

Json replace_step(const std::string& from, const std::string& to) {
  return {{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
}

Json normalizer_json(const TokenDefinition& definition) {
  Json steps = Json::array();
  for (const auto& step : definition.normalizer) {
    steps.push_back(step.kind == TextStep::Kind::replace ? replace_step(step.from, step.to)
                                                         : Json{{"type", "Prepend"}, {"prepend", step.to}});
  }
  if (steps.empty()) return nullptr;
  return steps.size() == 1 ? steps[0] : Json{{"type", "Sequence"}, {"normalizers", steps}};
}

Json pre_tokenizer_json(const TokenDefinition& definition) {
  using WordMark = TokenDefinition::WordMark;
  if (!definition.spaces_to_marks) return nullptr;
  const char* scheme = definition.word_mark == WordMark::none            ? "never"
                       : definition.word_mark == WordMark::first_segment ? "first"
                                                                         : "always";
  return {{"type", "Metaspace"}, {"replacement", kWordMark}, {"prepend_scheme", scheme}, {"split", false}};
}

Json decoder_json(const TokenDefinition& definition) {
  Json steps = Json::array();
  for (const auto& step : definition.decoder) {
    switch (step.kind) {
      case DecodeStep::Kind::replace: steps.push_back(replace_step(step.from, step.to)); break;
      case DecodeStep::Kind::byte_fallback: steps.push_back({{"type", "ByteFallback"}}); break;
      case DecodeStep::Kind::fuse: steps.push_back({{"type", "Fuse"}}); break;
      case DecodeStep::Kind::strip:
        steps.push_back({{"type", "Strip"}, {"content", step.from}, {"start", step.start}, {"stop", step.stop}});
        break;
    }
  }
  return {{"type", "Sequence"}, {"decoders", steps}};
}

Json model_json(const TokenDefinition& definition) {
  if (definition.unigram) {
    Json vocabulary = Json::array();
    for (size_t i = 0; i < definition.pieces.size(); ++i) {
      vocabulary.push_back(Json::array({definition.pieces[i], definition.scores[i]}));
    }
    return {{"type", "Unigram"},
            {"unk_id", definition.unknown},
            {"vocab", vocabulary},
            {"byte_fallback", definition.byte_fallback}};
  }
  Json vocabulary = Json::object();
  for (size_t i = 0; i < definition.pieces.size(); ++i) vocabulary[definition.pieces[i]] = i;
  Json merges = Json::array();
  for (const auto& [left, right] : definition.merges) {
    merges.push_back(
        Json::array({definition.pieces[static_cast<size_t>(left)], definition.pieces[static_cast<size_t>(right)]}));
  }
  const bool has_unknown = definition.unknown >= 0;
  return {{"type", "BPE"},
          {"dropout", nullptr},
          {"unk_token", has_unknown ? Json(definition.pieces[static_cast<size_t>(definition.unknown)]) : Json()},
          {"continuing_subword_prefix", nullptr},
          {"end_of_word_suffix", nullptr},
          {"fuse_unk", true},
          {"byte_fallback", definition.byte_fallback},
          {"ignore_merges", false},
          {"vocab", vocabulary},
          {"merges", merges}};
}

Json added_tokens_json(std::vector<AddedToken> added) {
  std::sort(added.begin(), added.end(), [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  Json tokens = Json::array();
  for (const auto& token : added) {
    tokens.push_back({{"id", token.id},
                      {"content", token.content},
                      {"single_word", false},
                      {"lstrip", token.strip_left},
                      {"rstrip", token.strip_right},
                      {"normalized", token.normalized},
                      {"special", token.special}});
  }
  return tokens;
}

// Puts bos before every text, as the Gemma and Llama classes do; the processor writes its own.
Json post_processor_json(const std::string& bos, int32_t bos_id) {
  const Json mark = {{"SpecialToken", {{"id", bos}, {"type_id", 0}}}};
  const Json second_mark = {{"SpecialToken", {{"id", bos}, {"type_id", 1}}}};
  const Json first = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  const Json second = {{"Sequence", {{"id", "B"}, {"type_id", 1}}}};
  return {{"type", "TemplateProcessing"},
          {"single", Json::array({mark, first})},
          {"pair", Json::array({mark, first, second_mark, second})},
          {"special_tokens", {{bos, {{"id", bos}, {"ids", {bos_id}}, {"tokens", {bos}}}}}}};
}

Json config_json(const SentencePieceModel& model, const TokenDefinition& definition) {
  const auto word = [&](int32_t id) {
    return id >= 0 && id < static_cast<int32_t>(model.pieces.size()) ? Json(model.pieces[static_cast<size_t>(id)].text)
                                                                     : Json();
  };
  const char* name = definition.unigram           ? "PreTrainedTokenizerFast"
                     : definition.spaces_to_marks ? "LlamaTokenizer"
                                                  : "GemmaTokenizer";
  Json config = {{"tokenizer_class", name},
                 {"processor_class", "PaliGemmaProcessor"},
                 {"add_bos_token", true},
                 {"add_eos_token", false},
                 {"bos_token", word(model.bos)},
                 {"eos_token", word(model.eos)},
                 {"unk_token", word(model.unknown)},
                 {"image_token", kImageWord},
                 {"model_specific_special_tokens", {{"image_token", kImageWord}}},
                 {"extra_special_tokens", {{"image_token", kImageWord}}},
                 {"clean_up_tokenization_spaces", false}};
  if (model.pad >= 0) config["pad_token"] = word(model.pad);
  return config;
}

}  // namespace

int32_t image_token_id(const Tokenizer& tokenizer) {
  const int32_t id = tokenizer.id_of(kImageWord);
  return id >= 0 ? id : tokenizer.size();
}

HfTokenizerFiles hf_tokenizer_files(const std::string& tokenizer, int32_t image_token) {
  const std::string path = std::filesystem::is_directory(tokenizer) ? tokenizer + "/tokenizer.model" : tokenizer;
  const SentencePieceModel model = read_sentencepiece_model(path);
  TokenDefinition definition = define_from_sentencepiece(model, "", path);
  place_image_token(definition, image_token, path);
  const auto bos = static_cast<size_t>(model.bos);
  const Json root = {{"version", "1.0"},
                     {"truncation", nullptr},
                     {"padding", nullptr},
                     {"added_tokens", added_tokens_json(definition.added)},
                     {"normalizer", normalizer_json(definition)},
                     {"pre_tokenizer", pre_tokenizer_json(definition)},
                     {"post_processor", post_processor_json(model.pieces.at(bos).text, model.bos)},
                     {"decoder", decoder_json(definition)},
                     {"model", model_json(definition)}};
  return {root.dump(1) + "\n", config_json(model, definition).dump(1) + "\n"};
}

}  // namespace dermis
