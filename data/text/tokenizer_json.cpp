// Reading of tokenizer.json and tokenizer_config.json.
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "core/error.h"
#include "core/io/mmap_file.h"
#include "data/text/token_definition.h"

namespace dermis {
namespace {

using Json = nlohmann::json;

Json parse_file(const std::string& path) {
  const MmapFile file(path);
  const auto* begin = reinterpret_cast<const char*>(file.bytes().data());
  try {
    return Json::parse(begin, begin + file.bytes().size());
  } catch (const Json::exception& error) {
    throw Error(ErrorKind::data, {.what = "the file is not valid JSON",
                                  .where = path,
                                  .found = error.what(),
                                  .fix = "copy the model folder again"});
  }
}

[[noreturn]] void unsupported(const std::string& path, const std::string& part, const std::string& found) {
  throw Error(ErrorKind::data,
              {.what = "this tokenizer uses a part that is not supported",
               .where = path + ", " + part,
               .expected = "BPE or unigram over spaces replaced by U+2581, as Gemma, PaliGemma and Llama have it",
               .found = found});
}

std::string type_of(const Json& node) { return node.is_object() ? node.value("type", "") : ""; }

void read_normalizer(const Json& node, const std::string& path, TokenDefinition& definition) {
  const std::string type = type_of(node);
  if (node.is_null()) return;
  if (type == "Sequence") {
    for (const auto& step : node.at("normalizers")) read_normalizer(step, path, definition);
  } else if (type == "Replace" && node.at("pattern").contains("String")) {
    definition.normalizer.push_back(
        {TextStep::Kind::replace, node.at("pattern").at("String"), node.at("content").get<std::string>()});
  } else if (type == "Prepend") {
    definition.normalizer.push_back({TextStep::Kind::prepend, "", node.at("prepend").get<std::string>()});
  } else {
    unsupported(path, "normalizer", node.dump().substr(0, 80));
  }
}

void read_pre_tokenizer(const Json& node, const std::string& path, TokenDefinition& definition) {
  const std::string type = type_of(node);
  if (node.is_null()) return;
  // Gemma's rule splits at spaces that its normaliser has already replaced: it never cuts.
  bool no_spaces_left = false;
  for (const auto& step : definition.normalizer)
    no_spaces_left |= step.kind == TextStep::Kind::replace && step.from == " ";
  if (type == "Split" && node.at("pattern").value("String", "") == " " && no_spaces_left) return;
  if (type != "Metaspace" || node.value("split", true) || node.value("replacement", "") != kWordMark) {
    unsupported(path, "pre_tokenizer", node.dump().substr(0, 80));
  }
  using WordMark = TokenDefinition::WordMark;
  const std::string scheme = node.value("prepend_scheme", "always");
  definition.spaces_to_marks = true;
  definition.word_mark = scheme == "first"   ? WordMark::first_segment
                         : scheme == "never" ? WordMark::none
                                             : WordMark::every_segment;
}

void read_decoder(const Json& node, const std::string& path, TokenDefinition& definition) {
  using Kind = DecodeStep::Kind;
  const std::string type = type_of(node);
  if (type == "Sequence") {
    for (const auto& step : node.at("decoders")) read_decoder(step, path, definition);
  } else if (type == "Replace" && node.at("pattern").contains("String")) {
    definition.decoder.push_back(
        {Kind::replace, node.at("pattern").at("String"), node.at("content").get<std::string>()});
  } else if (type == "ByteFallback") {
    definition.decoder.push_back({Kind::byte_fallback, "", ""});
  } else if (type == "Fuse") {
    definition.decoder.push_back({Kind::fuse, "", ""});
  } else if (type == "Strip") {
    definition.decoder.push_back({Kind::strip, node.at("content"), "", node.at("start"), node.at("stop")});
  } else {
    unsupported(path, "decoder", node.is_null() ? "none" : node.dump().substr(0, 80));
  }
}

AddedToken read_added(const Json& node, int32_t id, const std::string& path) {
  AddedToken token;
  token.id = id;
  token.content = node.at("content");
  token.special = node.value("special", false);
  token.normalized = node.value("normalized", !token.special);
  token.strip_left = node.value("lstrip", false);
  token.strip_right = node.value("rstrip", false);
  if (node.value("single_word", false)) unsupported(path, "added token " + token.content, "single_word");
  return token;
}

void read_unigram(const Json& model, TokenDefinition& definition) {
  for (const auto& entry : model.at("vocab")) {
    definition.pieces.push_back(entry.at(0));
    definition.scores.push_back(entry.at(1));
  }
  if (model.contains("unk_id") && !model["unk_id"].is_null()) definition.unknown = model["unk_id"];
}

// A merge is ["a", "b"] today and was "a b" in files written before 2024.
std::pair<std::string, std::string> parts_of(const Json& merge) {
  if (merge.is_array()) return {merge.at(0), merge.at(1)};
  const auto text = merge.get<std::string>();
  const auto space = text.find(' ');
  return {text.substr(0, space), space == std::string::npos ? "" : text.substr(space + 1)};
}

void read_bpe(const Json& model, const std::string& path, TokenDefinition& definition) {
  const auto& vocabulary = model.at("vocab");
  definition.pieces.resize(vocabulary.size());
  std::unordered_map<std::string, int32_t> ids;
  for (const auto& [piece, id] : vocabulary.items()) {
    const int64_t at = id;
    if (at < 0 || at >= static_cast<int64_t>(vocabulary.size())) {
      unsupported(path, "model.vocab", "id " + std::to_string(at) + " of " + piece + " leaves gaps");
    }
    definition.pieces[static_cast<size_t>(at)] = piece;
    ids[piece] = static_cast<int32_t>(at);
  }
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (model.contains(key) && !model[key].is_null() && model[key] != "") unsupported(path, "model", key);
  }
  if (model.value("ignore_merges", false)) unsupported(path, "model", "ignore_merges");
  for (const auto& merge : model.at("merges")) {
    const auto [left, right] = parts_of(merge);
    if (!ids.contains(left) || !ids.contains(right) || !ids.contains(left + right)) {
      unsupported(path, "model.merges", "'" + left + "' + '" + right + "' is not in the vocabulary");
    }
    definition.merges.emplace_back(ids[left], ids[right]);
  }
  if (model.contains("unk_token") && model["unk_token"].is_string()) {
    const auto found = ids.find(model["unk_token"].get<std::string>());
    if (found != ids.end()) definition.unknown = found->second;
  }
}

void add_control_word(TokenDefinition& definition, const std::string& content) {
  if (content.empty()) return;
  for (auto& known : definition.added) {
    if (known.content != content) continue;
    known.special = true;
    return;
  }
  AddedToken token;
  token.content = content;
  token.special = true;
  token.id = definition.size();
  for (size_t i = 0; i < definition.pieces.size(); ++i) {
    if (definition.pieces[i] == content) token.id = static_cast<int32_t>(i);
  }
  definition.added.push_back(token);
}

std::string text_of_token(const Json& node) {
  if (node.is_string()) return node;
  return node.is_object() ? node.value("content", "") : "";
}

TokenDefinition definition_from(const Json& root, const std::string& path) {
  TokenDefinition definition;
  const auto& model = root.at("model");
  const std::string type = type_of(model);
  definition.unigram = type == "Unigram";
  definition.byte_fallback = model.value("byte_fallback", false);
  if (definition.unigram) {
    read_unigram(model, definition);
  } else if (type == "BPE" || (type.empty() && model.contains("merges"))) {
    read_bpe(model, path, definition);
  } else {
    unsupported(path, "model", type);
  }
  read_normalizer(root.value("normalizer", Json()), path, definition);
  read_pre_tokenizer(root.value("pre_tokenizer", Json()), path, definition);
  read_decoder(root.value("decoder", Json()), path, definition);
  for (const auto& token : root.value("added_tokens", Json::array())) {
    definition.added.push_back(read_added(token, token.at("id"), path));
  }
  return definition;
}

void apply_config(TokenDefinition& definition, const Json& config, const std::string& path) {
  definition.clean_up_spaces = config.value("clean_up_tokenization_spaces", false);
  const Json listed = config.value("added_tokens_decoder", Json::object());
  for (const auto& [key, node] : listed.items()) {
    const auto id = Json::parse(key).get<int32_t>();
    const auto token = read_added(node, id, path);
    if (definition.find_added(token.content) == nullptr) definition.added.push_back(token);
  }
  for (const char* key : {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
    if (config.contains(key)) add_control_word(definition, text_of_token(config[key]));
  }
  for (const char* key : {"model_specific_special_tokens", "extra_special_tokens"}) {
    if (!config.contains(key)) continue;
    for (const auto& node : config[key]) add_control_word(definition, text_of_token(node));
  }
}

// Runs `read` and turns a missing or mistyped field into an error that names the file.
template <typename Read>
auto naming_file(const std::string& path, Read read) {
  try {
    return read();
  } catch (const Json::exception& error) {
    throw Error(ErrorKind::data, {.what = "a field of the tokenizer file is missing or of the wrong type",
                                  .where = path,
                                  .expected = "the form in which transformers writes it",
                                  .found = error.what(),
                                  .fix = "copy the model folder again"});
  }
}

}  // namespace

TokenDefinition read_tokenizer_json(const std::string& path) {
  return naming_file(path, [&] { return definition_from(parse_file(path), path); });
}

void apply_tokenizer_config(TokenDefinition& definition, const std::string& path) {
  naming_file(path, [&] { apply_config(definition, parse_file(path), path); });
}

std::string tokenizer_class_of(const std::string& config_path) {
  return naming_file(config_path, [&] { return parse_file(config_path).value("tokenizer_class", ""); });
}

}  // namespace dermis
