#include "data/text/added_tokens.h"

#include <algorithm>

namespace dermis {
namespace {

bool is_space(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

}  // namespace

void AddedTokenFinder::add(const AddedToken& token, std::string content) {
  if (content.empty()) return;
  auto& lengths = lengths_[static_cast<uint8_t>(content[0])];
  if (std::find(lengths.begin(), lengths.end(), content.size()) == lengths.end()) {
    lengths.push_back(content.size());
    std::sort(lengths.rbegin(), lengths.rend());
  }
  tokens_.emplace(std::move(content), token);
}

const AddedToken* AddedTokenFinder::longest_at(std::string_view text, size_t at, size_t& length) const {
  for (const size_t candidate : lengths_[static_cast<uint8_t>(text[at])]) {
    if (candidate > text.size() - at) continue;
    const auto found = tokens_.find(text.substr(at, candidate));
    if (found == tokens_.end()) continue;
    length = candidate;
    return &found->second;
  }
  return nullptr;
}

std::vector<TextSpan> AddedTokenFinder::split(std::string_view text, bool control_words) const {
  std::vector<TextSpan> spans;
  size_t plain = 0;
  for (size_t at = 0; at < text.size();) {
    size_t length = 1;
    const AddedToken* token = longest_at(text, at, length);
    if (token == nullptr || (token->special && !control_words)) {
      at += length;
      continue;
    }
    size_t begin = at, end = at + length;
    while (token->strip_left && begin > plain && is_space(text[begin - 1])) --begin;
    while (token->strip_right && end < text.size() && is_space(text[end])) ++end;
    if (begin > plain) spans.push_back({plain, begin, -1});
    spans.push_back({begin, end, token->id});
    at = plain = end;
  }
  if (plain < text.size()) spans.push_back({plain, text.size(), -1});
  return spans;
}

}  // namespace dermis
