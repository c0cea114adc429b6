// Everything that determines how a tokenizer cuts and joins text, in the terms of Hugging Face's tokenizer.json: added
// tokens are cut out first, the rest is normalised, given its word mark, and handed to BPE or unigram.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "data/text/sentencepiece_model.h"

namespace dermis {

inline constexpr const char* kWordMark = "\xE2\x96\x81";  // U+2581 stands for a space

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool special = false;     // a control word: decoding can skip it, user text never yields it
  bool normalized = false;  // matched after normalisation
  bool strip_left = false, strip_right = false;
};

struct TextStep {  // of the normaliser
  enum class Kind { replace, prepend } kind = Kind::replace;
  std::string from, to;
};

struct DecodeStep {
  enum class Kind { replace, byte_fallback, fuse, strip } kind = Kind::replace;
  std::string from, to;
  int start = 0, stop = 0;  // strip: at most so many of `from` at either end
};

struct TokenDefinition {
  bool unigram = false;  // otherwise BPE
  std::vector<std::string> pieces;
  std::vector<double> scores;                       // unigram, one a piece
  std::vector<std::pair<int32_t, int32_t>> merges;  // BPE: ids of the two parts, most urgent first
  int32_t unknown = -1;                             // -1: unknown characters without a byte piece vanish
  bool byte_fallback = false;
  std::vector<AddedToken> added;
  std::vector<TextStep> normalizer;
  enum class WordMark { none, first_segment, every_segment };
  bool spaces_to_marks = false;         // the pre-tokenizer turns spaces into word marks
  WordMark word_mark = WordMark::none;  // and sets one before the text or every stretch of it
  std::vector<DecodeStep> decoder;
  bool clean_up_spaces = false;  // decoding closes up " ." and its like

  int32_t size() const;  // one more than the largest id
  const AddedToken* find_added(const std::string& content) const;
};

// tokenizer.json as Hugging Face's tokenizers library writes it. Error(data) naming a component that is not supported.
TokenDefinition read_tokenizer_json(const std::string& path);
// What transformers makes of a tokenizer.model: as LlamaTokenizer when `tokenizer_class` says so, as GemmaTokenizer
// otherwise; without a class the model's own dummy-prefix setting decides.
TokenDefinition define_from_sentencepiece(const SentencePieceModel& model, const std::string& tokenizer_class,
                                          const std::string& path);
// Adds what tokenizer_config.json names beyond that: added_tokens_decoder, bos_token ... image_token.
void apply_tokenizer_config(TokenDefinition& definition, const std::string& path);
std::string tokenizer_class_of(const std::string& config_path);  // "" when absent

}  // namespace dermis
