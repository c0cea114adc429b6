// Which suites of this program `make gpu-check` runs on a GPU (benchmarks/gpu_check/filters.sh): a new one must not be
// forgotten there.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <sstream>
#include <string>

#include "tests/program/shell.h"
#include "tests/support/paths.h"

namespace dermis::testing {
namespace {

using Names = std::set<std::string>;

// Suites that launch no kernel of Dermis, and Machine, which is a stage of its own.
const Names kNotAmongKernels{"AsyncCopies",
                             "AttentionForwardBugs",
                             "AttentionReference",
                             "BackwardLaunch",
                             "DecodeLaunch",
                             "Divergence",
                             "Divider",
                             "ForwardLaunch",
                             "GlobalMemory",
                             "GpuCheckFilters",
                             "GpuLauncherTest",
                             "KernelImages",
                             "Machine",
                             "MatrixTiles",
                             "Numbers",
                             "PlantedInBackward",
                             "PlantedInPtx",
                             "PtxOperations",
                             "PtxWarp",
                             "RowGroups",
                             "RowStatistics",
                             "SharedMemory",
                             "Tickets",
                             "Tile",
                             "WarpExchange"};

std::string words_of(const std::string& variable) {
  const auto script = source_folder() / "benchmarks/gpu_check/filters.sh";
  return run_shell("bash -c 'source " + script.string() + "; printf %s \"$" + variable + "\"'").output;
}

// Without what tells instances of typed suites apart: "RmsNorm/2.  # TypeParam = float" is RmsNorm.
Names suites(const std::string& filter) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  std::istringstream lines(run_shell("'" + self + "' --gtest_list_tests '--gtest_filter=" + filter + "'").output);
  Names names;
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with(" ")) names.insert(line.substr(0, line.find_first_of("./")));
  return names;
}

std::string without_device(const std::string& suite) {
  return suite.ends_with("Device") ? suite.substr(0, suite.size() - 6) : suite;
}

TEST(GpuCheckFilters, KernelsAreAllSuitesButTheWrittenOnes) {
  DERMIS_NEED(source_folder());
  Names left_out = suites("*");
  for (const std::string& suite : suites(words_of("kernels"))) left_out.erase(suite);
  EXPECT_EQ(left_out, kNotAmongKernels);
}

TEST(GpuCheckFilters, FewHasATestOfEveryKernel) {
  DERMIS_NEED(source_folder());
  Names few;
  for (const std::string& suite : suites(words_of("few"))) few.insert(without_device(suite));
  for (const std::string& suite : suites(words_of("kernels"))) EXPECT_TRUE(few.count(without_device(suite))) << suite;
  EXPECT_TRUE(few.count("Machine"));
}

TEST(GpuCheckFilters, OfRepeatsAndPrimitivesNameTests) {
  DERMIS_NEED(source_folder());
  EXPECT_EQ(suites(words_of("primitives")), Names{"Machine"});
  EXPECT_EQ(suites(words_of("same_bits")),
            (Names{"AttentionBackward", "AttentionDecode", "GradientNormDevice", "LayerNormDevice", "RmsNormDevice"}));
}

}  // namespace
}  // namespace dermis::testing
