// The two files that transformers reads a tokenizer from, made from a SentencePiece model, so that AutoProcessor on a
// folder that dermis wrote gives equal ids.
#pragma once

#include <cstdint>
#include <string>

#include "data/text/tokenizer.h"

namespace dermis {

inline constexpr const char* kImageWord = "<image>";

// Id of "<image>": its piece or added token where the tokenizer has one (dermis tokenizer train makes one), otherwise
// the first id after the pieces, where PaliGemma has it.
int32_t image_token_id(const Tokenizer& tokenizer);

struct HfTokenizerFiles {
  std::string tokenizer_json;
  std::string tokenizer_config_json;
};

// `tokenizer`: a tokenizer.model or a folder that holds one. `image_token` is the model's: "<image>" gets this id, ids
// between the pieces and it become "<unusedN>". Error(data) when the id already belongs to another piece.
HfTokenizerFiles hf_tokenizer_files(const std::string& tokenizer, int32_t image_token);

}  // namespace dermis
