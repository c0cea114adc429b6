// The rules of transformers' conversion of tokenizer.model (class SentencePieceExtractor and the Gemma and Llama
// tokenizer classes of release 5): the same pieces, the same merges in the same order.
#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "core/error.h"
#include "data/text/token_definition.h"
#include "data/text/utf8.h"

namespace dermis {
namespace {

struct Merge {
  int32_t whole, left_length, right_length, left, right;
  auto order() const { return std::tie(whole, left_length, right_length, left, right); }
};

// A BPE file of SentencePiece names pieces, not merges: every way to split a piece into two pieces is a merge, and the
// piece's rank is the merge's.
std::vector<std::pair<int32_t, int32_t>> merges_of(const std::vector<std::string>& pieces) {
  std::unordered_map<std::string_view, int32_t> ids;
  for (size_t id = 0; id < pieces.size(); ++id) ids[pieces[id]] = static_cast<int32_t>(id);
  std::vector<Merge> merges;
  for (size_t id = 0; id < pieces.size(); ++id) {
    const std::string_view piece = pieces[id];
    std::vector<size_t> cuts;
    for (size_t at = 0; at < piece.size(); at += character_length(piece, at)) cuts.push_back(at);
    for (size_t cut = 1; cut < cuts.size(); ++cut) {
      const auto left = ids.find(piece.substr(0, cuts[cut]));
      if (left == ids.end()) continue;
      const auto right = ids.find(piece.substr(cuts[cut]));
      if (right == ids.end()) continue;
      merges.push_back({static_cast<int32_t>(id), static_cast<int32_t>(cut), static_cast<int32_t>(cuts.size() - cut),
                        left->second, right->second});
    }
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) { return a.order() < b.order(); });
  std::vector<std::pair<int32_t, int32_t>> pairs;
  pairs.reserve(merges.size());
  for (const auto& merge : merges) pairs.emplace_back(merge.left, merge.right);
  return pairs;
}

void add_decoder(TokenDefinition& definition, bool strip_first_space) {
  using Kind = DecodeStep::Kind;
  definition.decoder = {{Kind::replace, kWordMark, " "}, {Kind::byte_fallback, "", ""}, {Kind::fuse, "", ""}};
  if (strip_first_space) definition.decoder.push_back({Kind::strip, " ", "", 1, 0});
}

}  // namespace

TokenDefinition define_from_sentencepiece(const SentencePieceModel& model, const std::string& tokenizer_class,
                                          const std::string& path) {
  if (model.has_character_map) {
    throw Error(ErrorKind::data, {.what = "the SentencePiece model rewrites characters before it cuts them",
                                  .where = path,
                                  .expected = "the identity normaliser, as Gemma and Llama have it",
                                  .found = "a character map (NFKC or another)",
                                  .fix = "convert the tokenizer with transformers, so that a tokenizer.json stands "
                                         "beside it"});
  }
  TokenDefinition definition;
  definition.unigram = model.unigram;
  definition.byte_fallback = model.byte_fallback;
  definition.unknown = model.unknown;
  for (size_t i = 0; i < model.pieces.size(); ++i) {
    const auto& piece = model.pieces[i];
    definition.pieces.push_back(piece.text);
    if (model.unigram) definition.scores.push_back(piece.score);
    const bool control = piece.type == PieceType::control || piece.type == PieceType::unknown;
    if (control || piece.type == PieceType::user_defined) {
      AddedToken token;
      token.id = static_cast<int32_t>(i);
      token.content = piece.text;
      token.special = control;
      definition.added.push_back(token);
    }
  }
  if (!model.unigram) definition.merges = merges_of(definition.pieces);
  const bool llama = tokenizer_class.empty() ? model.add_dummy_prefix : tokenizer_class.starts_with("LlamaTokenizer");
  if (llama) {
    definition.spaces_to_marks = true;
    definition.word_mark = TokenDefinition::WordMark::first_segment;
  } else {
    definition.normalizer = {{TextStep::Kind::replace, " ", kWordMark}};
  }
  add_decoder(definition, llama);
  return definition;
}

}  // namespace dermis
