// The scripts of a bundle (.cmake/bundle): how they find LibTorch on a machine that Dermis was not built on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/program/shell.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::Outcome;

class WithLibtorch : public ::testing::Test {
 protected:
  WithLibtorch() {
    fs::create_directories(site_ / "torch/lib");
    fs::create_directories(site_ / "nvidia/cu13/lib");
    fs::create_directories(folder_.path() / "path");
    std::ofstream(site_ / "torch/lib/libtorch_cpu.so") << "not a library";
    write_version("2.11.0+cu130");
  }
  void write_version(const std::string& version) {
    std::ofstream(site_ / "torch/version.py") << "debug = False\n__version__ = '" << version << "'\n";
  }
  // A python3 that knows a torch folder, or none ("").
  void python_finds(const std::string& torch) {
    const fs::path python = folder_.path() / "path/python3";
    std::ofstream(python) << "#!/bin/sh\necho '" << torch << "'\n";
    fs::permissions(python, fs::perms::owner_all);
  }
  Outcome run(const std::string& environment) {
    const std::string script = (testing::source_folder() / ".cmake/bundle/with-libtorch").string();
    return testing::run_shell("env -u LD_LIBRARY_PATH PATH=" + (folder_ / "path") + ":/usr/bin:/bin " + environment +
                              " " + script + " sh -c 'echo libraries: $LD_LIBRARY_PATH'");
  }

  testing::TempFolder folder_;
  fs::path site_ = folder_.path() / "site-packages";
};

TEST_F(WithLibtorch, TakesTheFolderThatIsGiven) {
  python_finds("");
  const Outcome outcome = run("DERMIS_LIBTORCH=" + (site_ / "torch").string());
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("libraries: " + (site_ / "torch/lib").string() + ":"));
  EXPECT_THAT(outcome.output, HasSubstr("/nvidia/cu13/lib"));
}

TEST_F(WithLibtorch, AsksPythonOtherwise) {
  python_finds((site_ / "torch").string());
  const Outcome outcome = run("");
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_THAT(outcome.output, HasSubstr("libraries: " + (site_ / "torch/lib").string()));
}

TEST_F(WithLibtorch, SaysWhatToDoWhenThereIsNone) {
  python_finds("");
  const Outcome outcome = run("");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.output, HasSubstr("LibTorch 2.11.0 is not found"));
  EXPECT_THAT(outcome.output, HasSubstr("fix: pip install torch==2.11.0"));
}

TEST_F(WithLibtorch, RefusesAnotherRelease) {
  write_version("2.12.1+cu130");
  const Outcome outcome = run("DERMIS_LIBTORCH=" + (site_ / "torch").string());
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.output, HasSubstr("found: 2.12.1"));
}

}  // namespace
}  // namespace dermis
