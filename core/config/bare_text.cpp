#include "core/config/bare_text.h"

#include <algorithm>

namespace dermis {
namespace {

size_t end_of_line(std::string_view toml, size_t at) { return std::min(toml.find('\n', at), toml.size()); }

// `at` stands on the opening quote; returns the offset behind the closing one, or where a broken string ends.
size_t skip_string(std::string_view toml, size_t at) {
  const char quote = toml[at];
  const std::string_view rest = toml.substr(at);
  const bool multi_line = rest.size() >= 3 && rest[1] == quote && rest[2] == quote;
  at += multi_line ? 3 : 1;
  while (at < toml.size()) {
    if (toml[at] == '\\' && quote == '"') {
      at += 2;
    } else if (toml[at] == '\n' && !multi_line) {
      return at;
    } else if (toml[at] == quote && !multi_line) {
      return at + 1;
    } else if (toml[at] == quote && toml.substr(at, 3).find_first_not_of(quote) == std::string_view::npos) {
      const size_t run = std::min(toml.find_first_not_of(quote, at), toml.size()) - at;
      if (run >= 3) return at + std::min<size_t>(run, 5);  // up to two quotes may stand before the closing three
      at += run;
    } else {
      ++at;
    }
  }
  return toml.size();
}

}  // namespace

size_t find_bare_non_ascii(std::string_view toml) {
  size_t at = toml.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  while (at < toml.size()) {
    const char c = toml[at];
    if (static_cast<unsigned char>(c) >= 0x80) return at;
    if (c == '#') {
      at = end_of_line(toml, at);
    } else if (c == '"' || c == '\'') {
      at = skip_string(toml, at);
    } else {
      ++at;
    }
  }
  return std::string_view::npos;
}

}  // namespace dermis
