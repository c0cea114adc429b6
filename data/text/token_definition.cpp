#include "data/text/token_definition.h"

#include <algorithm>

namespace dermis {

int32_t TokenDefinition::size() const {
  auto end = static_cast<int32_t>(pieces.size());
  for (const auto& token : added) end = std::max(end, token.id + 1);
  return end;
}

const AddedToken* TokenDefinition::find_added(const std::string& content) const {
  const auto found =
      std::find_if(added.begin(), added.end(), [&](const AddedToken& token) { return token.content == content; });
  return found == added.end() ? nullptr : &*found;
}

}  // namespace dermis
