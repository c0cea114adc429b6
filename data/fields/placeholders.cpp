#include "data/fields/placeholders.h"

#include <algorithm>

namespace dermis {

const std::vector<std::string>& built_in_placeholders() {
  static const std::vector<std::string> kNames{"label",   "a_label", "malignancy", "group",   "a_group",
                                               "typical", "plain",   "advice",     "options", "differential",
                                               "subject", "value",   "modality"};
  return kNames;
}

bool is_built_in_placeholder(const std::string& name) {
  const auto& names = built_in_placeholders();
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace dermis
