#include "data/text/tokenizer.h"

#include <filesystem>

#include "core/error.h"
#include "core/io/hash.h"
#include "core/io/mmap_file.h"
#include "data/text/added_tokens.h"
#include "data/text/token_cutter.h"
#include "data/text/token_definition.h"
#include "data/text/token_joiner.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;

std::string normalise(std::string_view text, const TokenDefinition& definition) {
  std::string result(text);
  for (const auto& step : definition.normalizer) {
    if (step.kind == TextStep::Kind::prepend) {
      if (!result.empty()) result.insert(0, step.to);
      continue;
    }
    for (size_t at = result.find(step.from); at != std::string::npos;
         at = result.find(step.from, at + step.to.size())) {
      result.replace(at, step.from.size(), step.to);
    }
  }
  return result;
}

fs::path model_file_of(const fs::path& folder) {
  const auto file = folder / "tokenizer.model";
  if (fs::exists(file) || fs::exists(folder / "tokenizer.json")) return file;
  throw Error(ErrorKind::data,
              {.what = "the folder holds no tokenizer",
               .where = folder.string(),
               .expected = "tokenizer.model (SentencePiece), or tokenizer.json beside it",
               .found = fs::exists(folder / "spiece.model") ? "spiece.model, SigLIP's text tower" : "neither file",
               .fix = "copy the tokenizer files of the model, or train one: dermis tokenizer train"});
}

TokenDefinition define_from_folder(const fs::path& folder) {
  const auto config = folder / "tokenizer_config.json";
  const bool has_config = fs::exists(config);
  TokenDefinition definition;
  if (fs::exists(folder / "tokenizer.json")) {
    definition = read_tokenizer_json((folder / "tokenizer.json").string());
  } else {
    const auto file = model_file_of(folder).string();
    definition = define_from_sentencepiece(read_sentencepiece_model(file),
                                           has_config ? tokenizer_class_of(config.string()) : "", file);
  }
  if (has_config) apply_tokenizer_config(definition, config.string());
  return definition;
}

}  // namespace

struct Tokenizer::Impl {
  explicit Impl(TokenDefinition facts) : definition(std::move(facts)) {
    for (size_t id = 0; id < definition.pieces.size(); ++id) {
      ids.emplace(definition.pieces[id], static_cast<int32_t>(id));
    }
    texts = definition.pieces;
    texts.resize(static_cast<size_t>(definition.size()));
    special.resize(texts.size());
    for (const auto& token : definition.added) {
      const auto id = static_cast<size_t>(token.id);
      texts[id] = token.content;
      special[id] = token.special;
      (token.normalized ? normalised_tokens : raw_tokens)
          .add(token, token.normalized ? normalise(token.content, definition) : token.content);
    }
    // The cutter keeps a reference to the pieces alone: an added token beyond them is never the product of merges.
    cutter = definition.unigram ? make_unigram_cutter(definition, ids) : make_bpe_cutter(definition, ids);
  }

  std::vector<int32_t> encode(std::string_view text, bool control_words) const {
    std::vector<int32_t> result;
    for (const auto& span : raw_tokens.split(text, control_words)) {
      if (span.id >= 0) {
        result.push_back(span.id);
        continue;
      }
      const std::string normal = normalise(text.substr(span.begin, span.end - span.begin), definition);
      for (const auto& inner : normalised_tokens.split(normal, control_words)) {
        if (inner.id >= 0) {
          result.push_back(inner.id);
        } else {
          cut(std::string_view(normal).substr(inner.begin, inner.end - inner.begin), span.begin + inner.begin == 0,
              result);
        }
      }
    }
    return result;
  }

  void cut(std::string_view text, bool first, std::vector<int32_t>& result) const {
    using WordMark = TokenDefinition::WordMark;
    if (!definition.spaces_to_marks) return cutter->cut(text, result);
    std::string marked;
    for (const char byte : text) byte == ' ' ? marked.append(kWordMark) : marked.append(1, byte);
    const bool wanted =
        definition.word_mark == WordMark::every_segment || (definition.word_mark == WordMark::first_segment && first);
    if (wanted && !marked.starts_with(kWordMark)) marked.insert(0, kWordMark);
    cutter->cut(marked, result);
  }

  TokenDefinition definition;
  PieceIds ids;
  std::vector<std::string> texts;  // by id, added tokens included
  std::vector<bool> special;
  AddedTokenFinder raw_tokens, normalised_tokens;
  std::unique_ptr<TokenCutter> cutter;
  std::string path;
};

Tokenizer::Tokenizer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Tokenizer Tokenizer::load(const std::string& path) {
  const bool folder = fs::is_directory(path);
  auto impl = std::make_unique<Impl>(folder ? define_from_folder(path)
                                            : define_from_sentencepiece(read_sentencepiece_model(path), "", path));
  impl->path = folder ? model_file_of(path).string() : path;
  return Tokenizer(std::move(impl));
}

std::vector<int32_t> Tokenizer::encode(const std::string& text) const { return impl_->encode(text, false); }

std::vector<int32_t> Tokenizer::encode_with_control_words(const std::string& text) const {
  return impl_->encode(text, true);
}

std::string Tokenizer::decode(const std::vector<int32_t>& ids, bool skip_special) const {
  std::vector<std::string> pieces;
  for (const int32_t id : ids) {
    // Rows of the embedding beyond the pieces have no text; Hugging Face's decoder leaves them out too.
    if (id < 0 || id >= size()) continue;
    if (skip_special && impl_->special[static_cast<size_t>(id)]) continue;
    pieces.push_back(impl_->texts[static_cast<size_t>(id)]);
  }
  return join_pieces(std::move(pieces), impl_->definition);
}

int32_t Tokenizer::size() const { return static_cast<int32_t>(impl_->texts.size()); }

int32_t Tokenizer::id_of(const std::string& piece) const {
  if (const auto* token = impl_->definition.find_added(piece); token != nullptr) return token->id;
  const auto found = impl_->ids.find(piece);
  return found == impl_->ids.end() ? -1 : found->second;
}

std::string Tokenizer::piece_of(int32_t id) const {
  DERMIS_CHECK(id >= 0 && id < size(), "token id " + std::to_string(id));
  return impl_->texts[static_cast<size_t>(id)];
}

const std::string& Tokenizer::model_path() const { return impl_->path; }

std::string Tokenizer::sha256() const { return sha256_of_file(impl_->path); }

}  // namespace dermis
