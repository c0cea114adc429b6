#include "data/fields/placeholders.h"

#include <algorithm>

namespace dermis {

const std::vector<std::string>& built_in_placeholders() {
  static const std::vector<std::string> kNames{"label",  "malignancy",   "group",   "typical", "plain",   "advice",
                                               "others", "differential", "options", "value",   "subject", "modality"};
  return kNames;
}

bool is_built_in_placeholder(const std::string& name) {
  const auto& names = built_in_placeholders();
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string without_article(const std::string& placeholder) {
  return placeholder.rfind("a_", 0) == 0 ? placeholder.substr(2) : placeholder;
}

std::string with_article(const std::string& noun) {
  const bool vowel = !noun.empty() && std::string("aeiouAEIOU").find(noun[0]) != std::string::npos;
  return (vowel ? "an " : "a ") + noun;
}

}  // namespace dermis
