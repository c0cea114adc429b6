#include "data/text/token_joiner.h"

#include <charconv>

#include "data/text/utf8.h"

namespace dermis {
namespace {

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  if (from.empty()) return;
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// The byte that "<0x41>" stands for, -1 for any other piece.
int byte_of(const std::string& piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return -1;
  int value = 0;
  const auto [end, error] = std::from_chars(piece.data() + 3, piece.data() + 5, value, 16);
  return error == std::errc() && end == piece.data() + 5 ? value : -1;
}

// A run of byte pieces that is no valid UTF-8 becomes one U+FFFD a byte.
std::vector<std::string> join_bytes(const std::vector<std::string>& pieces) {
  std::vector<std::string> joined;
  std::string bytes;
  const auto flush = [&] {
    if (bytes.empty()) return;
    if (is_valid_utf8(bytes)) {
      joined.push_back(bytes);
    } else {
      joined.insert(joined.end(), bytes.size(), "\xEF\xBF\xBD");
    }
    bytes.clear();
  };
  for (const auto& piece : pieces) {
    if (const int byte = byte_of(piece); byte >= 0) {
      bytes += static_cast<char>(byte);
    } else {
      flush();
      joined.push_back(piece);
    }
  }
  flush();
  return joined;
}

void strip(std::string& text, const DecodeStep& step) {
  const std::string& unit = step.from;
  for (int i = 0; i < step.start && text.starts_with(unit); ++i) text.erase(0, unit.size());
  for (int i = 0; i < step.stop && text.ends_with(unit); ++i) text.erase(text.size() - unit.size());
}

std::string concatenate(const std::vector<std::string>& pieces) {
  std::string text;
  for (const auto& piece : pieces) text += piece;
  return text;
}

// transformers' clean_up_tokenization, in its order.
void clean_up(std::string& text) {
  for (const char* mark : {".", "?", "!", ","}) replace_all(text, std::string(" ") + mark, mark);
  replace_all(text, " ' ", "'");
  for (const char* ending : {"n't", "'m", "'s", "'ve", "'re"}) replace_all(text, std::string(" ") + ending, ending);
}

}  // namespace

std::string join_pieces(std::vector<std::string> pieces, const TokenDefinition& definition) {
  for (const auto& step : definition.decoder) {
    switch (step.kind) {
      case DecodeStep::Kind::replace:
        for (auto& piece : pieces) replace_all(piece, step.from, step.to);
        break;
      case DecodeStep::Kind::byte_fallback: pieces = join_bytes(pieces); break;
      case DecodeStep::Kind::fuse: pieces = {concatenate(pieces)}; break;
      case DecodeStep::Kind::strip:
        for (auto& piece : pieces) strip(piece, step);
        break;
    }
  }
  std::string text = concatenate(pieces);
  if (definition.clean_up_spaces) clean_up(text);
  return text;
}

}  // namespace dermis
