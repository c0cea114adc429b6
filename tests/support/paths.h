// Where tests find the inputs that lie beside the project. Absent inputs skip a test with a line that says so.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace dermis::testing {

std::filesystem::path source_folder();
std::filesystem::path program_file();  // dermis itself

inline std::filesystem::path from_environment(const char* name, const std::filesystem::path& fallback) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? std::filesystem::path(value) : fallback;
}
inline std::filesystem::path parity_folder() {
  return from_environment("DERMIS_PARITY", source_folder() / "../shared/parity");
}
inline std::filesystem::path real_data_folder() {
  return from_environment("DERMIS_REAL_DATA", source_folder() / "../shared/data");
}

// Folders under the parity folder whose case.json names this family.
std::vector<std::filesystem::path> parity_cases(const std::string& family);

// A fresh folder that is removed at the end of the scope.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace dermis::testing

#define DERMIS_NEED(folder)             \
  if (!std::filesystem::exists(folder)) \
  GTEST_SKIP() << "skipped: " << (folder) << " is absent (set DERMIS_PARITY / DERMIS_REAL_DATA to point at it)"
