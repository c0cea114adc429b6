#include <fmt/format.h>

#include "data/text/token_cutter.h"

namespace dermis {

std::vector<int32_t> byte_pieces(const TokenDefinition& definition, const PieceIds& pieces) {
  if (!definition.byte_fallback) return {};
  std::vector<int32_t> ids(256, -1);
  for (int byte = 0; byte < 256; ++byte) {
    const auto found = pieces.find(fmt::format("<0x{:02X}>", byte));
    if (found != pieces.end()) ids[static_cast<size_t>(byte)] = found->second;
  }
  return ids;
}

bool append_bytes(std::string_view character, const std::vector<int32_t>& byte_ids, std::vector<int32_t>& ids) {
  if (byte_ids.empty()) return false;
  const size_t before = ids.size();
  for (const char byte : character) {
    const int32_t id = byte_ids[static_cast<uint8_t>(byte)];
    if (id < 0) {
      ids.resize(before);
      return false;
    }
    ids.push_back(id);
  }
  return true;
}

}  // namespace dermis
