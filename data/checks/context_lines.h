// What the teacher was told, as it stands in Record::hidden_context: lines "name: value".
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dermis {

std::vector<std::pair<std::string, std::string>> context_lines(const std::string& hidden_context);

}  // namespace dermis
