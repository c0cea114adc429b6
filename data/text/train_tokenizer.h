// Trains a SentencePiece tokenizer for PaliGemma-architecture models on the project's own texts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace dermis {

struct TokenizerTraining {
  std::string model;       // bytes of tokenizer.model
  int32_t vocabulary = 0;  // pieces it holds: fewer than asked when the texts yield no more
};

// BPE with Gemma's settings: <pad> 0, <eos> 1, <bos> 2, <unk> 3, <image> 4, "\n" 5, then 256 byte pieces; digits apart,
// no dummy prefix, no normalisation. Equal texts in equal order give equal bytes. Error(usage) when `vocabulary` cannot
// hold the fixed pieces and the characters of the texts, Error(data) without text.
TokenizerTraining train_tokenizer(const std::vector<std::string>& texts, int32_t vocabulary);

}  // namespace dermis
