#include "data/checks/context_lines.h"

#include <algorithm>

namespace dermis {

std::vector<std::pair<std::string, std::string>> context_lines(const std::string& hidden_context) {
  std::vector<std::pair<std::string, std::string>> lines;
  for (size_t at = 0; at < hidden_context.size();) {
    const size_t end = std::min(hidden_context.find('\n', at), hidden_context.size());
    const std::string line = hidden_context.substr(at, end - at);
    at = end + 1;
    const size_t colon = line.find(": ");
    if (colon != std::string::npos) lines.emplace_back(line.substr(0, colon), line.substr(colon + 2));
  }
  return lines;
}

}  // namespace dermis
