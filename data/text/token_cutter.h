// Cuts one stretch of normalised text into pieces: byte-pair merges (Sennrich et al., 2016) or the most likely unigram
// segmentation (Kudo, 2018), both with byte fallback. The order of ties follows Hugging Face's tokenizers library.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/text/token_definition.h"

namespace dermis {

// Piece text -> id; finds string views without making strings.
struct PieceHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};
using PieceIds = std::unordered_map<std::string, int32_t, PieceHash, std::equal_to<>>;

class TokenCutter {
 public:
  virtual ~TokenCutter() = default;
  virtual void cut(std::string_view text, std::vector<int32_t>& ids) const = 0;  // thread-safe
};

std::unique_ptr<TokenCutter> make_bpe_cutter(const TokenDefinition& definition, const PieceIds& pieces);
std::unique_ptr<TokenCutter> make_unigram_cutter(const TokenDefinition& definition, const PieceIds& pieces);

// Ids of the byte pieces "<0x00>" ... "<0xFF>", -1 where missing; empty without byte fallback.
std::vector<int32_t> byte_pieces(const TokenDefinition& definition, const PieceIds& pieces);
// Appends the byte pieces of `character`; false (nothing appended) unless every byte has one.
bool append_bytes(std::string_view character, const std::vector<int32_t>& byte_ids, std::vector<int32_t>& ids);

}  // namespace dermis
