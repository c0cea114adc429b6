// The way back: pieces to text, by the decoder steps of a tokenizer.
#pragma once

#include <string>
#include <vector>

#include "data/text/token_definition.h"

namespace dermis {

std::string join_pieces(std::vector<std::string> pieces, const TokenDefinition& definition);

}  // namespace dermis
