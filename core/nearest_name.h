// "Did you mean ...?"
#pragma once

#include <string>
#include <vector>

namespace dermis {

// The candidate with the smallest edit distance to `name`, or "" when none is near enough to be meant.
std::string nearest_name(const std::string& name, const std::vector<std::string>& candidates);

}  // namespace dermis
