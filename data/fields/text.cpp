#include "data/fields/text.h"

#include <array>
#include <charconv>

namespace dermis {
namespace {

bool is_word_byte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte >= 0x80;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_gap(char c) { return is_blank(c) || c == '-'; }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// Where `phrase` ends in text when it starts at `at`; npos when it does not stand there.
size_t match_at(std::string_view text, size_t at, std::string_view phrase) {
  size_t i = at;
  for (size_t j = 0; j < phrase.size();) {
    if (is_gap(phrase[j])) {
      if (i >= text.size() || !is_gap(text[i])) return std::string_view::npos;
      while (j < phrase.size() && is_gap(phrase[j])) ++j;
      while (i < text.size() && is_gap(text[i])) ++i;
      continue;
    }
    if (i >= text.size() || lower(text[i]) != lower(phrase[j])) return std::string_view::npos;
    ++i;
    ++j;
  }
  return i;
}

}  // namespace

std::string lower_case(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = lower(c);
  return result;
}

std::string trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return std::string(text);
}

std::string shortest(double value) {
  std::array<char, 32> buffer{};
  const auto [end, problem] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), problem == std::errc() ? end : buffer.data()};
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  for (size_t i = 0; i < text.size();) {
    if (!is_word_byte(text[i])) {
      ++i;
      continue;
    }
    std::string word;
    while (i < text.size()) {
      const bool joint = (text[i] == '\'' || text[i] == '-') && i + 1 < text.size() && is_word_byte(text[i + 1]);
      if (!is_word_byte(text[i]) && !joint) break;
      word += lower(text[i++]);
    }
    words.push_back(std::move(word));
  }
  return words;
}

std::vector<size_t> find_phrase(std::string_view text, std::string_view phrase) {
  std::vector<size_t> found;
  if (phrase.empty()) return found;
  for (size_t at = 0; at < text.size(); ++at) {
    if (at > 0 && is_word_byte(text[at - 1]) && is_word_byte(phrase.front())) continue;
    const size_t end = match_at(text, at, phrase);
    if (end == std::string_view::npos) continue;
    if (end < text.size() && is_word_byte(text[end]) && is_word_byte(phrase.back())) continue;
    found.push_back(at);
  }
  return found;
}

}  // namespace dermis
