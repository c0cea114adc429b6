#include "core/metrics/text_match.h"

#include <map>

namespace dermis {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

bool is_punctuation(char c) {
  return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') || (c >= '{' && c <= '~');
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

}  // namespace

std::vector<std::string> answer_tokens(std::string_view text) {
  std::vector<std::string> tokens;
  std::string token;
  const auto finish = [&] {
    if (!token.empty() && token != "a" && token != "an" && token != "the") tokens.push_back(token);
    token.clear();
  };
  for (const char c : text) {
    if (is_space(c)) {
      finish();
    } else if (!is_punctuation(c)) {
      token += lower(c);
    }
  }
  finish();
  return tokens;
}

std::string normalize_answer(std::string_view text) {
  std::string joined;
  for (const std::string& token : answer_tokens(text)) joined += (joined.empty() ? "" : " ") + token;
  return joined;
}

bool exact_match(std::string_view answer, std::string_view reference) {
  return normalize_answer(answer) == normalize_answer(reference);
}

double token_f1(std::string_view answer, std::string_view reference) {
  const auto answered = answer_tokens(answer);
  const auto expected = answer_tokens(reference);
  if (answered.empty() || expected.empty()) return answered.empty() && expected.empty() ? 1 : 0;
  std::map<std::string, int> left;
  for (const std::string& token : expected) ++left[token];
  int common = 0;
  for (const std::string& token : answered) common += left[token]-- > 0 ? 1 : 0;
  return 2.0 * common / static_cast<double>(answered.size() + expected.size());
}

}  // namespace dermis
