// The facts of a SentencePiece .model file that tokenising needs. Read straight from its protobuf bytes
// (sentencepiece_model.proto), so that loading a tokenizer needs no protobuf runtime beside LibTorch's.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dermis {

enum class PieceType { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };

struct SentencePiece {
  std::string text;
  float score = 0;
  PieceType type = PieceType::normal;
};

struct SentencePieceModel {
  std::vector<SentencePiece> pieces;
  bool unigram = true;  // otherwise BPE
  bool byte_fallback = false;
  bool add_dummy_prefix = true;
  bool has_character_map = false;  // normalises beyond whitespace (NFKC, ...)
  int32_t unknown = 0, bos = 1, eos = 2, pad = -1;
};

// Error(data) naming the file when it is absent, empty, truncated or of a kind that is neither BPE nor unigram.
SentencePieceModel read_sentencepiece_model(const std::string& path);

}  // namespace dermis
