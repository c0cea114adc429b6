// Finds added tokens ("<image>", "\n\n", "<loc0007>") in text, leftmost first and longest of those.
#pragma once

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "data/text/token_definition.h"

namespace dermis {

struct TextSpan {
  size_t begin = 0, end = 0;
  int32_t id = -1;  // -1: plain text
};

class AddedTokenFinder {
 public:
  void add(const AddedToken& token, std::string content);
  bool empty() const { return tokens_.empty(); }
  // The spans cover `text` in order. Without `control_words` special tokens stay part of the plain text.
  std::vector<TextSpan> split(std::string_view text, bool control_words) const;

 private:
  const AddedToken* longest_at(std::string_view text, size_t at, size_t& length) const;

  std::map<std::string, AddedToken, std::less<>> tokens_;
  std::array<std::vector<size_t>, 256> lengths_;  // by first byte, longest first
};

}  // namespace dermis
