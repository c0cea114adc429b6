#include <algorithm>
#include <array>
#include <string_view>

#include "data/checks/checks.h"
#include "data/checks/context_lines.h"
#include "data/fields/text.h"

namespace dermis {
namespace {

using Words = std::vector<std::string>;
using Values = std::map<std::string, std::string>;

constexpr size_t kNegationReach = 3;  // words in front of a claim

struct Claim {
  const Attribute* attribute;
  std::string value, said;
};

bool stands_at(const Words& words, size_t at, const Words& phrase) {
  return at + phrase.size() <= words.size() &&
         std::equal(phrase.begin(), phrase.end(), words.begin() + static_cast<std::ptrdiff_t>(at));
}

bool is_one_of(const std::string& word, std::initializer_list<std::string_view> list) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_negated(const Words& words, size_t at) {
  for (size_t i = at - std::min(at, kNegationReach); i < at; ++i) {
    if (is_one_of(words[i], {"no", "not", "without", "never", "nor", "neither", "lack", "lacks", "unlike"}))
      return true;
  }
  return false;
}

// "irregular border", "irregular brown border", "border: irregular", "the border is rather irregular" are claims,
// "irregular outline with a smooth border" claims nothing irregular of the border.
bool is_beside_noun(const Words& words, size_t at, size_t length, const Words& nouns) {
  const auto is_noun = [&](size_t i) {
    return i < words.size() && std::find(nouns.begin(), nouns.end(), words[i]) != nouns.end();
  };
  if (is_noun(at + length) || is_noun(at + length + 1)) return true;
  while (at > 0 && is_one_of(words[at - 1], {"is", "are", "looks", "appears", "seems", "rather", "quite", "clearly"}))
    --at;
  return at > 0 && is_noun(at - 1);
}

struct KnownPhrase {
  Words words;
  const Attribute* attribute;
  std::string value;
};

// The longest first, so that "white centre" is not "white".
std::vector<KnownPhrase> phrases_of(const FieldPack& pack) {
  std::vector<KnownPhrase> phrases;
  for (const Attribute& attribute : pack.attributes) {
    for (const auto& [phrase, value] : attribute.phrases) phrases.push_back({words_of(phrase), &attribute, value});
  }
  std::stable_sort(phrases.begin(), phrases.end(),
                   [](const auto& a, const auto& b) { return a.words.size() > b.words.size(); });
  return phrases;
}

std::vector<Claim> claims_in(const Words& words, const std::vector<KnownPhrase>& phrases, const FieldPack& pack) {
  std::vector<Claim> claims;
  std::vector<bool> taken(words.size());
  const auto claim = [&](size_t at, size_t length, const Attribute& attribute, const std::string& value) {
    if (taken[at] || is_negated(words, at)) return;
    std::string said;
    for (size_t i = at; i < at + length; ++i) {
      taken[i] = true;
      said += (said.empty() ? "" : " ") + words[i];
    }
    claims.push_back({&attribute, value, said});
  };
  for (const KnownPhrase& phrase : phrases) {
    for (size_t at = 0; at < words.size(); ++at) {
      if (stands_at(words, at, phrase.words)) claim(at, phrase.words.size(), *phrase.attribute, phrase.value);
    }
  }
  for (const Attribute& attribute : pack.attributes) {
    for (const std::string& value : attribute.nouns.empty() ? Words() : attribute.values) {
      const Words phrase = words_of(value);
      for (size_t at = 0; at < words.size(); ++at) {
        if (!stands_at(words, at, phrase) || !is_beside_noun(words, at, phrase.size(), attribute.nouns)) continue;
        claim(at, phrase.size(), attribute, value);
      }
    }
  }
  return claims;
}

std::vector<std::string> sentences_of(const std::string& text) {
  std::vector<std::string> sentences(1);
  for (size_t i = 0; i < text.size(); ++i) {
    sentences.back() += text[i];
    const bool ends = std::string_view(".;?!").find(text[i]) != std::string_view::npos;
    if (ends && (i + 1 == text.size() || text[i + 1] == ' ' || text[i + 1] == '\n')) sentences.emplace_back();
  }
  return sentences;
}

bool is_general(const std::string& sentence, const FieldPack& pack) {
  return std::any_of(pack.checks.general.begin(), pack.checks.general.end(),
                     [&](const std::string& word) { return !find_phrase(sentence, word).empty(); });
}

std::string at_odds(const Attribute& attribute, const std::string& said, const std::string& own) {
  return "the answer says '" + said + "', the item has '" + own + "' as its " + attribute.name;
}

std::string open_reason(const std::string& answer, const Values& values, const std::vector<KnownPhrase>& phrases,
                        const FieldPack& pack) {
  for (const std::string& sentence : sentences_of(answer)) {
    if (is_general(sentence, pack)) continue;
    for (const Claim& claim : claims_in(words_of(sentence), phrases, pack)) {
      const auto known = values.find(claim.attribute->id);
      if (known == values.end()) continue;
      const std::vector<std::string> own = split_values(known->second);
      if (std::find(own.begin(), own.end(), claim.value) != own.end()) continue;
      return at_odds(*claim.attribute, claim.said, known->second);
    }
  }
  return "";
}

// The value that a yes-or-no question asks about: the longest that stands in it, so that "white centre" is not "white".
std::string asked_value(const std::string& question, const Attribute& attribute) {
  std::string asked;
  for (const std::string& value : attribute.values) {
    if (value.size() > asked.size() && !find_phrase(question, value).empty()) asked = value;
  }
  return asked;
}

std::string closed_reason(const Turn& turn, const QuestionType& type, const Values& values, const FieldPack& pack) {
  const auto known = values.find(type.about);
  const Attribute* attribute = pack.find_attribute(type.about);
  if (known == values.end() || attribute == nullptr) return "";
  if (type.target == AnswerTarget::attribute) {
    return turn.answer == known->second ? "" : at_odds(*attribute, turn.answer, known->second);
  }
  const std::string asked = asked_value(turn.question, *attribute);
  if (type.target != AnswerTarget::contains || asked.empty()) return "";
  const std::vector<std::string> own = split_values(known->second);
  const bool there = std::find(own.begin(), own.end(), asked) != own.end();
  if (turn.answer == (there ? "yes" : "no")) return "";
  return at_odds(*attribute, turn.answer + "' to '" + asked, known->second);
}

}  // namespace

std::string attribute_contradiction(const Record& record, const Values& values, const FieldPack& pack) {
  const auto types = turn_types(record, pack);
  const bool closed_alone =
      std::all_of(types.begin(), types.end(), [](const auto* type) { return type != nullptr && type->closed(); });
  const std::vector<KnownPhrase> phrases = closed_alone ? std::vector<KnownPhrase>() : phrases_of(pack);
  for (size_t i = 0; i < record.turns.size(); ++i) {
    const Turn& turn = record.turns[i];
    const bool closed = types[i] != nullptr && types[i]->closed();
    const std::string reason =
        closed ? closed_reason(turn, *types[i], values, pack) : open_reason(turn.answer, values, phrases, pack);
    if (!reason.empty()) return reason;
  }
  return "";
}

Verdict check_attribute_contradiction(const Record& record, const FieldPack& pack) {
  const auto lines = context_lines(record.hidden_context);
  const std::string reason = attribute_contradiction(record, {lines.begin(), lines.end()}, pack);
  return {"attribute_contradiction", reason.empty(), 0, reason};
}

}  // namespace dermis
