// One name, one type. Two types of one name in namespace dermis share the names of the functions that the compiler
// makes for them (destructors above all), of which the linker keeps one for both: a program that crashes or not as
// inlining has it, and that nothing warns of.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <string>

#include "tests/support/paths.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;

// Types defined at the left margin outside an unnamed namespace, where clang-format puts those of namespace dermis.
std::set<std::string> types_of(std::istream& source) {
  static const std::regex definition(
      R"(^(?:struct|class|union|enum class|enum) (?:alignas\([^)]*\) |\[\[\w+\]\] )*(\w+)(?: final)?(?: : .*)? \{.*)");
  std::set<std::string> types;
  bool unnamed = false;
  std::string line;
  while (std::getline(source, line)) {
    if (line == "namespace {") unnamed = true;
    if (line == "}  // namespace") unnamed = false;
    std::smatch match;
    if (!unnamed && std::regex_match(line, match, definition)) types.insert(match[1]);
  }
  return types;
}

TEST(OneDefinition, EveryNameIsDefinedInOneFile) {
  std::map<std::string, std::string> file_of;
  for (const char* folder : {"core", "data", "kernels", "models", "train", "infer", "benchmarks"}) {
    for (const auto& entry : fs::recursive_directory_iterator(testing::source_folder() / folder)) {
      const std::string extension = entry.path().extension().string();
      if (extension != ".h" && extension != ".cpp" && extension != ".cu" && extension != ".cuh") continue;
      std::ifstream source(entry.path());
      for (const std::string& type : types_of(source)) {
        const auto [found, first] = file_of.emplace(type, entry.path().string());
        EXPECT_TRUE(first) << type << " is defined in " << found->second << " and in " << entry.path().string();
      }
    }
  }
  EXPECT_GT(file_of.size(), 300U) << "the test no longer recognises definitions";
}

}  // namespace
}  // namespace dermis
