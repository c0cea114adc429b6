#include "data/checks/class_mentions.h"

#include <algorithm>
#include <array>

#include "data/fields/text.h"

namespace dermis {
namespace {

struct Name {
  std::string text;
  const ClassInfo* info;
};

std::vector<Name> names_of(const FieldPack& pack) {
  std::vector<Name> names;
  for (const ClassInfo& info : pack.classes) {
    names.push_back({info.name, &info});
    for (const std::string& synonym : info.synonyms) names.push_back({synonym, &info});
  }
  std::stable_sort(names.begin(), names.end(),
                   [](const Name& a, const Name& b) { return a.text.size() > b.text.size(); });
  return names;
}

// A negation within the four words before the name, with no comma or full stop in between.
bool is_negated(const std::string& text, size_t at) {
  static const std::array<const char*, 9> kNegations{"not",        "no",       "without", "unlike", "rather than",
                                                     "instead of", "excludes", "against", "never"};
  const size_t stop = at == 0 ? std::string::npos : text.find_last_of(".,;:!?", at - 1);
  const std::string clause =
      text.substr(stop == std::string::npos ? 0 : stop + 1, at - (stop == std::string::npos ? 0 : stop + 1));
  const std::vector<std::string> words = words_of(clause);
  std::string last;
  for (size_t i = words.size() - std::min<size_t>(words.size(), 4); i < words.size(); ++i) last += " " + words[i];
  return std::any_of(kNegations.begin(), kNegations.end(),
                     [&](const char* negation) { return !find_phrase(last, negation).empty(); });
}

}  // namespace

std::vector<ClassMention> find_class_mentions(const std::string& text, const FieldPack& pack) {
  std::vector<ClassMention> mentions;
  std::vector<bool> taken(text.size());
  for (const Name& name : names_of(pack)) {
    for (const size_t at : find_phrase(text, name.text)) {
      if (taken[at]) continue;
      const size_t end = std::min(text.size(), at + name.text.size());
      std::fill(taken.begin() + static_cast<std::ptrdiff_t>(at), taken.begin() + static_cast<std::ptrdiff_t>(end),
                true);
      mentions.push_back({at, name.info, is_negated(text, at)});
    }
  }
  std::sort(mentions.begin(), mentions.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  return mentions;
}

}  // namespace dermis
