// The folders' arrows, checked on every #include of the tree; a new edge fails here until docs/architecture.md allows
// it.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/support/paths.h"

namespace dermis {
namespace {

const std::map<std::string, std::set<std::string>> kAllowed = {
    {"core", {"core"}},
    {"kernels", {"kernels", "core"}},
    {"models", {"models", "kernels", "core"}},
    {"data", {"data", "core"}},
    {"train", {"train", "models", "kernels", "core", "data"}},
    {"infer", {"infer", "models", "kernels", "core", "data"}},
    {"benchmarks", {"benchmarks", "train", "infer", "models", "kernels", "core", "data"}},
};

struct Include {
  std::string file, target;
  int line = 0;
};

bool is_source(const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".h" || extension == ".cpp" || extension == ".cu" || extension == ".cuh";
}

std::vector<std::filesystem::path> sources_of(const std::string& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(testing::source_folder() / folder)) {
    if (entry.is_regular_file() && is_source(entry.path())) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<Include> includes_of(const std::filesystem::path& file) {
  std::vector<Include> includes;
  std::ifstream stream(file);
  std::string line;
  for (int number = 1; std::getline(stream, line); ++number) {
    const size_t begin = line.find("#include ");
    if (begin != 0 || line.size() < 12) continue;
    const char open = line[9];
    const size_t end = line.find(open == '<' ? '>' : '"', 10);
    if (end != std::string::npos) includes.push_back({file.string(), line.substr(10, end - 10), number});
  }
  return includes;
}

std::string first_folder(const std::string& target) { return target.substr(0, target.find('/')); }

TEST(Layering, EveryIncludeFollowsTheTable) {
  for (const auto& [folder, allowed] : kAllowed) {
    for (const auto& file : sources_of(folder)) {
      for (const Include& include : includes_of(file)) {
        const std::string target = first_folder(include.target);
        if (!kAllowed.contains(target)) continue;
        EXPECT_TRUE(allowed.contains(target)) << include.file << ":" << include.line << " includes " << include.target
                                              << ", but " << folder << " may not include " << target;
      }
    }
  }
}

TEST(Layering, CoreAndDataAreFreeOfTorch) {
  for (const std::string folder : {"core", "data"}) {
    for (const auto& file : sources_of(folder)) {
      for (const Include& include : includes_of(file)) {
        const std::string target = first_folder(include.target);
        EXPECT_FALSE(target == "ATen" || target == "torch" || target == "c10") << include.file << ":" << include.line;
      }
    }
  }
}

TEST(Layering, NobodyIncludesTheWideTorchHeader) {
  for (const auto& [folder, allowed] : kAllowed) {
    for (const auto& file : sources_of(folder)) {
      for (const Include& include : includes_of(file))
        EXPECT_NE(include.target, "torch/torch.h") << include.file << ":" << include.line;
    }
  }
}

TEST(Layering, DeviceCodeIsFreeOfTorch) {
  for (const auto& file : sources_of("kernels")) {
    if (file.extension() != ".cu" && file.extension() != ".cuh") continue;
    for (const Include& include : includes_of(file)) {
      const std::string target = first_folder(include.target);
      EXPECT_FALSE(target == "ATen" || target == "torch" || target == "c10") << include.file << ":" << include.line;
    }
  }
}

TEST(Layering, FilesStayShort) {
  std::vector<int> lengths;
  for (const auto& [folder, allowed] : kAllowed) {
    for (const auto& file : sources_of(folder)) {
      std::ifstream stream(file);
      const int lines = static_cast<int>(std::count(std::istreambuf_iterator<char>(stream), {}, '\n'));
      EXPECT_LE(lines, 800) << file << " has " << lines << " lines; split it by concept";
      lengths.push_back(lines);
    }
  }
  std::nth_element(lengths.begin(), lengths.begin() + static_cast<std::ptrdiff_t>(lengths.size() / 2), lengths.end());
  EXPECT_LT(lengths[lengths.size() / 2], 150) << "the median file grew too long";
}

}  // namespace
}  // namespace dermis
