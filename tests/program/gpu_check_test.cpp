// benchmarks/gpu_check: its stages, and the whole script over programs that only pretend.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/program/shell.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;

using testing::Outcome;
using testing::run_shell;

fs::path scripts() { return testing::source_folder() / "benchmarks/gpu_check"; }

void write_script(const fs::path& path, const std::string& body) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << "#!/usr/bin/env bash\n" << body << "\n";
  fs::permissions(path, fs::perms::owner_all);
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Runs `body` after sourcing stages.sh; its logs and files go to `folder`.
Outcome run_stages(const testing::TempFolder& folder, const std::string& body) {
  write_script(folder.path() / "run.sh",
               "source '" + (scripts() / "stages.sh").string() + "'\ncd '" + folder.path().string() + "'\n" + body);
  return run_shell("bash '" + (folder / "run.sh") + "'");
}

TEST(GpuCheckStages, AFailedOrSlowStageHidesNoOther) {
  const testing::TempFolder folder;
  const auto start = std::chrono::steady_clock::now();
  const Outcome outcome = run_stages(folder, R"sh(
stages_begin . 60
own_function() { echo "$1 \"quoted\" back\\slash"; }
export -f own_function
stage good 5 'says something' own_function hello
stage bad 5 'fails' bash -c 'echo the reason; exit 3'
stage slow 1 'never ends' bash -c 'echo began; sleep 60 & sleep 60'
stage gone 5 'is not there' /no/such/program
stage skip 5 'has no device' bash -c 'exit 77'
stage last 5 'still runs' true
stages_json > stages.json
stages_markdown > stages.md
echo "failed: $(stages_failed)")sh");
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(30));
  EXPECT_THAT(outcome.output, HasSubstr("failed: 3"));
  EXPECT_THAT(outcome.output, HasSubstr("the reason"));

  const auto stages = nlohmann::json::parse(text_of(folder / "stages.json"));
  ASSERT_EQ(stages.size(), 6U);
  const char* results[] = {"passed", "failed, exit code 3", "timed out after 1 s", "failed, exit code 127", "skipped",
                           "passed"};
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(stages[i]["result"], results[i]) << stages[i]["name"];
  EXPECT_EQ(stages[0]["output"], "hello \"quoted\" back\\slash");
  EXPECT_EQ(stages[2]["output"], "began") << "what a stage had printed before its time was up is kept";
  EXPECT_GE(stages[2]["seconds"].get<double>(), 1.0);
  EXPECT_THAT(text_of(folder / "stages.md"), HasSubstr("| slow | never ends | timed out after 1 s |"));
}

TEST(GpuCheckStages, TheTimeOfAllStagesIsBounded) {
  const testing::TempFolder folder;
  run_stages(folder, R"sh(
stages_begin . 2
stage first 50 'takes all the time' sleep 50
stage second 50 'comes too late' echo never
stages_json > stages.json)sh");
  const auto stages = nlohmann::json::parse(text_of(folder / "stages.json"));
  EXPECT_EQ(stages[0]["result"], "timed out after 2 s");
  EXPECT_EQ(stages[1]["result"], "not run: no time left");
}

TEST(GpuCheck, SaysInOneLineThatThereIsNoDevice) {
  const testing::TempFolder folder;
  write_script(folder.path() / "nvidia-smi", "echo 'No devices were found'; exit 6");
  const std::string script = (scripts() / "gpu-check").string();
  for (const std::string& path : {std::string("/usr/bin:/bin"), folder.path().string() + ":/usr/bin:/bin"}) {
    if (path == "/usr/bin:/bin" && fs::exists("/usr/bin/nvidia-smi")) continue;  // this machine has a driver
    const Outcome outcome = run_shell("PATH=" + path + " bash " + script);
    EXPECT_EQ(outcome.exit_code, 4);
    EXPECT_THAT(outcome.output, HasSubstr("no CUDA device on this machine"));
    EXPECT_EQ(std::count(outcome.output.begin(), outcome.output.end(), '\n'), 1) << outcome.output;
  }
}

TEST(GpuCheck, RefusesWhatItDoesNotKnow) {
  const Outcome outcome = run_shell("bash " + (scripts() / "gpu-check").string() + " --fast");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.output, HasSubstr("unknown option --fast"));
}

// An unpacked bundle whose programs print what they were asked for.
class PretendedBundle : public ::testing::Test {
 protected:
  PretendedBundle() {
    const fs::path root = folder_.path();
    fs::create_directories(root / "share/gpu_check");
    fs::copy(scripts(), root / "share/gpu_check");
    fs::create_directories(root / "share/peers");
    std::ofstream(root / "share/peers/attention_gpu.py") << "import sys\nprint('attention_gpu.py', *sys.argv[1:])\n";
    fs::create_symlink("share/gpu_check/gpu-check", root / "gpu-check");
    write_script(root / "with-libtorch", "exec \"$@\"");
    write_script(root / "bin/dermis", R"sh(case "$1 ${2:-}" in
  --version*) echo 'dermis 0.1.0 (abc1234)' ;;
  'bench attention') while (($#)); do if [[ $1 == --out ]]; then out=$2; fi; shift; done
         mkdir -p "$out"; echo '| a benchmark |' > "$out/attention.md"; echo '{"rows": [1]}' > "$out/attention.json" ;;
  'bench operators') while (($#)); do if [[ $1 == --out ]]; then out=$2; fi; shift; done
         mkdir -p "$out"; echo '| bandwidths |' > "$out/operators.md"; echo '{"rows": [2]}' > "$out/operators.json" ;;
  doctor*) echo 'LibTorch GPU  loaded' ;;
  *) echo "dermis $*" ;;&
  selftest*) echo "PYTORCH_NO_CUDA_MEMORY_CACHING=${PYTORCH_NO_CUDA_MEMORY_CACHING:-}"; echo 'attention     GPU bf16' ;;
esac)sh");
    for (const char* name : {"tests_device", "tests_kernels", "tests_models"})
      write_script(root / "bin" / name, "echo \"" + std::string(name) + " $* of shard ${GTEST_SHARD_INDEX:-}\"");
    write_script(root / "bin/tests_models", "echo \"tests_models $*\"; echo '[  PASSED  ] 3 tests.'");
    write_script(root / "path/nvidia-smi", R"sh(case $* in
  *query-gpu=name\ * | *query-gpu=name,\ *) echo 'NVIDIA H200' ;;
  *query-gpu=driver*) echo 580.159.04 ;;
  *query-gpu=compute_mode*) echo Default ;;
  *) echo "nvidia-smi $*" ;;
esac)sh");
    write_script(root / "path/nproc", "echo 3");
    write_script(root / "path/python3",
                 R"sh(if [[ $1 == -c ]]; then [[ $* == *torch* && $* != *transformers* ]]; exit; fi
echo "python3 ${1##*/} ${*:2}")sh");
    write_script(root / "path/compute-sanitizer", R"sh(echo "compute-sanitizer $*"
while [[ $1 == --* ]]; do shift $([[ $1 == --tool || $1 == --print-limit || $1 == --error* ]] && echo 2 || echo 1); done
exec "$@")sh");
  }
  Outcome run(const std::string& arguments) {
    return run_shell("PATH=" + (folder_ / "path") + ":$PATH " + (folder_ / "gpu-check") + " " + arguments);
  }
  static std::string wait_for(const std::string& file) {
    return "for i in $(seq 300); do if [ -s " + file + " ]; then break; fi; sleep 0.1; done";
  }
  std::vector<fs::path> results() {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(folder_.path() / "results")) paths.push_back(entry.path());
    return paths;
  }
  fs::path result(const std::string& extension) {
    for (const fs::path& path : results())
      if (path.extension() == extension) return path;
    return {};
  }

  testing::TempFolder folder_;
};

TEST_F(PretendedBundle, RunsEveryStageAndWritesItsResults) {
  const Outcome outcome = run("");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.output;
  const std::string name = result(".json").filename().string();
  EXPECT_THAT(name, ::testing::MatchesRegex("h200-[0-9]+-[0-9]+-[0-9]+-abc1234.json"));
  const auto json = nlohmann::json::parse(text_of(result(".json")));
  EXPECT_EQ(json["gpu"], "NVIDIA H200");
  EXPECT_EQ(json["driver"], "580.159.04");
  EXPECT_EQ(json["failed_stages"], 0);
  EXPECT_EQ(json["benchmark"]["rows"][0], 1);
  EXPECT_EQ(json["operators"]["rows"][0], 2);
  double limits = 0;
  for (const auto& stage : json["stages"]) {
    EXPECT_EQ(stage["result"], "passed") << stage;
    limits += stage["limit_seconds"].get<double>();
  }
  EXPECT_EQ(json["finished"], true);
  EXPECT_GE(json["stages"].size(), 15U);
  EXPECT_LE(limits, 540) << "the budgets of all stages are 9 minutes at most";
  EXPECT_THAT(text_of(result(".md")), HasSubstr("| a benchmark |"));
  EXPECT_THAT(text_of(result(".md")), HasSubstr("| bandwidths |"));
  EXPECT_THAT(text_of(result(".md")), HasSubstr("0 of " + std::to_string(json["stages"].size()) + " stages failed"));
  EXPECT_THAT(text_of(result(".log")), HasSubstr("compute-sanitizer --tool racecheck"));
  EXPECT_THAT(text_of(result(".log")), HasSubstr("--gpu-runs=1000"));
  EXPECT_THAT(text_of(result(".log")), HasSubstr("bench train --preset small --batch 64 --mixed --device cuda"));
  EXPECT_THAT(text_of(result(".log")), Not(HasSubstr("--peer"))) << "this python3 has no transformers";
  EXPECT_EQ(results().size(), 3U) << "the folder of logs is gone";
}

TEST_F(PretendedBundle, TestsThatComputeOnTheCpuMostlyAreSharedOut) {
  run("--only kernels");
  const std::string log = text_of(result(".log"));
  for (const char* shard : {"of shard 0", "of shard 1", "of shard 2"}) EXPECT_THAT(log, HasSubstr(shard));
  EXPECT_THAT(log, Not(HasSubstr("of shard 3"))) << "three processors";
  write_script(folder_.path() / "bin/tests_device", "[[ $GTEST_SHARD_INDEX != 1 ]]");
  EXPECT_EQ(run("--only kernels").exit_code, 1) << "one that fails is enough";
}

TEST_F(PretendedBundle, SanitizersSeeFreshMemoryAndTheOperatorsThemselves) {
  EXPECT_EQ(run("--only memcheck,initcheck,memcheck_operators,initcheck_operators").exit_code, 0);
  const auto stages = nlohmann::json::parse(text_of(result(".json")))["stages"];
  ASSERT_EQ(stages.size(), 4U);
  const auto output = [&](size_t stage) { return stages[stage]["output"].get<std::string>(); };
  EXPECT_THAT(output(0), Not(HasSubstr("--gpu-fresh")));
  EXPECT_THAT(output(1), HasSubstr("tests_device --gpu --gpu-fresh"));
  for (const size_t stage : {2, 3}) {
    EXPECT_THAT(output(stage), HasSubstr("dermis selftest --count 1"));
    EXPECT_THAT(output(stage), HasSubstr("PYTORCH_NO_CUDA_MEMORY_CACHING=1"));
  }
}

TEST_F(PretendedBundle, PeersInPythonRunWhereItHasTheirModules) {
  run("--only training,attention_peers");
  EXPECT_THAT(text_of(result(".log")), HasSubstr("python3 attention_gpu.py --rounds"));
  write_script(folder_.path() / "path/python3", "[[ $* != *attention_gpu* ]]");  // has every module
  run("--only training");
  EXPECT_THAT(text_of(result(".log")), HasSubstr("--peer python3 --peer-modes eager --peer-script"));
  write_script(folder_.path() / "path/python3", "exit 1");
  EXPECT_EQ(run("--only attention_peers").exit_code, 0);
  EXPECT_THAT(text_of(result(".log")), HasSubstr("skipped: python3 has no torch"));
}

TEST_F(PretendedBundle, ProgramsThatFoundNoGpuDoNotPass) {
  write_script(folder_.path() / "bin/dermis", R"sh(case "$1" in
  --version) echo 'dermis 0.1.0 (abc1234)' ;;
  doctor) echo 'LibTorch GPU  not in use: it does not open' ;;
  *) echo 'attention     CPU fp32' ;;
esac)sh");
  write_script(folder_.path() / "bin/tests_models", "echo '[  PASSED  ] 0 tests.'; echo '[  SKIPPED ] 3 tests.'");
  const Outcome outcome = run("--only machine,selftest,models");
  EXPECT_EQ(nlohmann::json::parse(text_of(result(".json")))["failed_stages"], 3);
  EXPECT_THAT(outcome.output, HasSubstr("no GPU was used"));
}

// The second of three stages never ends.
TEST_F(PretendedBundle, AnInterruptedCheckKeepsWhatItFound) {
  write_script(folder_.path() / "bin/tests_device", "echo began; echo > " + (folder_ / "began") + "; sleep 60");
  const Outcome outcome = run("--only machine,primitives,models & check=$!; " + wait_for(folder_ / "began") +
                              "; kill -TERM $check; wait $check");
  EXPECT_EQ(outcome.exit_code, 130) << outcome.output;
  const auto json = nlohmann::json::parse(text_of(result(".json")));
  EXPECT_EQ(json["finished"], false);
  ASSERT_EQ(json["stages"].size(), 3U);
  EXPECT_EQ(json["stages"][0]["result"], "passed");
  EXPECT_EQ(json["stages"][1]["result"], "interrupted");
  EXPECT_EQ(json["stages"][1]["output"], "began");
  EXPECT_EQ(json["stages"][2]["result"], "not run: interrupted");
}

TEST_F(PretendedBundle, AKilledCheckLeavesItsResultsSoFar) {
  const std::string process = folder_ / "process";
  write_script(folder_.path() / "bin/tests_device", "echo began; echo $$ > " + process + "; exec sleep 60");
  run("--only machine,primitives & check=$!; " + wait_for(process) + "; kill -KILL $check; kill $(cat " + process +
      "); wait $check");
  const auto json = nlohmann::json::parse(text_of(result(".json")));
  EXPECT_EQ(json["finished"], false);
  EXPECT_EQ(json["stages"].size(), 1U);
  EXPECT_THAT(text_of(result(".md")), HasSubstr("0 of 1 stages failed, not finished"));
  EXPECT_EQ(text_of(result(".stages") / "logs/primitives.log"), "began\n");
}

TEST_F(PretendedBundle, TheProgramKnowsTheDeviceWhereThereIsNoTool) {
  write_script(folder_.path() / "path/nvidia-smi", "exit 127");
  write_script(folder_.path() / "bin/dermis", R"sh(case "$1" in
  --version) echo 'dermis 0.1.0 (abc1234)' ;;
  doctor) printf '%s\n' 'GPU           NVIDIA H200, compute capability 9.0, 139.8 GiB' 'LibTorch GPU  loaded' ;;
esac)sh");
  EXPECT_EQ(run("--only machine").exit_code, 0);
  EXPECT_EQ(nlohmann::json::parse(text_of(result(".json")))["gpu"], "NVIDIA H200");
}

TEST_F(PretendedBundle, AStageThatIsNotThereIsRefused) {
  const Outcome outcome = run("--only kernel");
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.output, HasSubstr("no stage is called"));
}

TEST_F(PretendedBundle, AFailedStageIsReportedAndTheOthersRun) {
  write_script(folder_.path() / "bin/tests_kernels", "echo expected 1 found 2; exit 1");
  fs::remove(folder_.path() / "path/compute-sanitizer");
  const Outcome outcome = run("");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.output, HasSubstr("expected 1 found 2"));
  const auto json = nlohmann::json::parse(text_of(result(".json")));
  EXPECT_EQ(json["failed_stages"], 1);
  EXPECT_EQ(json["benchmark"]["rows"][0], 1);
}

TEST_F(PretendedBundle, OnlyTheNamedStagesRun) {
  const Outcome outcome = run("--only machine,models --out " + (folder_ / "results"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
  EXPECT_EQ(nlohmann::json::parse(text_of(result(".json")))["stages"].size(), 2U);
  EXPECT_THAT(outcome.output, Not(HasSubstr("memcheck")));
}

}  // namespace
}  // namespace dermis
