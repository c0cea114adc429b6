#include "tests/support/paths.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

namespace dermis::testing {

std::filesystem::path source_folder() { return DERMIS_SOURCE_DIR; }
std::filesystem::path program_file() { return DERMIS_PROGRAM; }

std::vector<std::filesystem::path> parity_cases(const std::string& family) {
  std::vector<std::filesystem::path> cases;
  const auto root = parity_folder();
  if (!std::filesystem::exists(root)) return cases;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    const auto file = entry.path() / "case.json";
    if (!std::filesystem::exists(file)) continue;
    std::ifstream stream(file);
    if (nlohmann::json::parse(stream).value("family", "") == family) cases.push_back(entry.path());
  }
  std::sort(cases.begin(), cases.end());
  return cases;
}

TempFolder::TempFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "dermis-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("cannot make a temporary folder: " + pattern);
  path_ = pattern;
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::permissions(path_, std::filesystem::perms::owner_all, ignored);
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace dermis::testing
