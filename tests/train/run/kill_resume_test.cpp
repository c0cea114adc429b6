// Through the program, because only a process can be killed. DERMIS_KILL_MOMENTS sets how many random moments are
// tried.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>

#include "core/io/hash.h"
#include "core/io/read_file.h"
#include "core/random.h"
#include "tests/support/paths.h"
#include "tests/train/run_support.h"

namespace dermis {
namespace {

namespace fs = std::filesystem;
using testing::TempFolder;

struct Program {
  pid_t process = -1;

  // `shell` runs before the program in the same process, e.g. "ulimit -f 24;".
  Program(const std::string& arguments, const std::string& messages, const std::string& shell = "") {
    process = fork();
    if (process == 0) {
      const std::string line =
          shell + " exec " + testing::program_file().string() + " " + arguments + " >" + messages + " 2>&1";
      execl("/bin/bash", "bash", "-c", line.c_str(), nullptr);
      _exit(127);
    }
  }
  // The exit code, or minus the signal that ended it.
  int wait() const {
    int status = 0;
    waitpid(process, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  void send_after(double seconds, int signal) const {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    kill(process, signal);
  }
};

class KillResume : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!fs::exists(testing::program_file())) GTEST_SKIP() << "skipped: " << testing::program_file() << " is not built";
    testing::write_training_set(folder_.path());
    std::ofstream(folder_ / "recipe.toml")
        << testing::squares_recipe(
               folder_.path(),
               "steps = 75\nbatch = {images = 6, accumulation = 2}\naugment = {flips = true, colour = 0.2}\n"
               "optimizer = {lr_peak = 3e-3, warmup_steps = 10, ema_decay = 0.95}\n",
               "checkpoint = {every_steps = 7}\n")
        << "[[stages]]\nname = \"second\"\nsteps = 75\nbatch = {images = 4, balance = \"label\"}\n"
           "vision = {trainable = false}\noptimizer = {lr_peak = 1e-3, warmup_steps = 5}\n"
           "[[stages.data]]\nshards = \""
        << (folder_ / "train") << "\"\n[stages.validation]\nshards = [\"" << (folder_ / "val") << "\"]\n";
  }
  std::string command(const std::string& run) const {
    return "train " + (folder_ / "recipe.toml") + " --out " + (folder_ / run);
  }
  int finish(const std::string& run, const std::string& more = "") const {
    return Program(command(run) + more, folder_ / "messages").wait();
  }
  std::string weights(const std::string& run) const {
    return sha256_of_file(folder_ / (run + "/model/model.safetensors"));
  }
  std::string messages() const { return read_file(folder_ / "messages"); }
  void kill_and_compare(const std::string& more);

  TempFolder folder_;
};

// Kills runs with `more` arguments and ends them: all must have the weights of the run that nobody killed.
void KillResume::kill_and_compare(const std::string& more) {
  const auto start = std::chrono::steady_clock::now();
  ASSERT_EQ(finish("whole", more), 0) << messages();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const char* wanted = std::getenv("DERMIS_KILL_MOMENTS");
  const int moments = wanted != nullptr ? std::atoi(wanted) : 2;
  Random random(static_cast<uint64_t>(start.time_since_epoch().count()), RandomPurpose::selftest);
  int killed = 0;
  for (int i = 0; i < moments; ++i) {
    const std::string run = "killed_" + std::to_string(i);
    const double moment = random.uniform(0.05, 1.0) * seconds;
    const Program program(command(run) + more, folder_ / "messages");
    program.send_after(moment, SIGKILL);
    killed += program.wait() == -SIGKILL ? 1 : 0;
    ASSERT_EQ(finish(run, more + " --resume"), 0) << "killed after " << moment << " s\n" << messages();
    EXPECT_EQ(weights(run), weights("whole")) << "killed after " << moment << " s";
    fs::remove_all(folder_ / run);
  }
  std::cout << killed << " of " << moments << " runs were killed before their end; uninterrupted: " << seconds
            << " s\n";
}

TEST_F(KillResume, ARunKilledAtRandomMomentsEndsInTheSameWeights) { kill_and_compare(""); }

// Large enough that matrix products and attention are cut for two threads.
TEST_F(KillResume, SoDoesARunOnTwoThreads) {
  kill_and_compare(
      " --set threads=2 --set loader_threads=2 --set model.geometry.hidden=128 --set model.geometry.mlp=512"
      " --set model.geometry.head_size=64 --set model.geometry.vision_hidden=128 --set model.geometry.vision_mlp=512"
      " --set stages[0].steps=15 --set stages[1].steps=15");
}

TEST_F(KillResume, AnInterruptedRunSavesExits130AndGoesOn) {
  ASSERT_EQ(finish("whole"), 0) << messages();
  const Program program(command("cut"), folder_ / "messages");
  while (!fs::exists(folder_ / "cut/checkpoints/step-000000007"))
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  program.send_after(0, SIGINT);
  ASSERT_EQ(program.wait(), 130) << messages();
  EXPECT_THAT(messages(), ::testing::HasSubstr("--resume"));
  EXPECT_FALSE(fs::exists(folder_ / "cut/model"));
  ASSERT_EQ(finish("cut", " --resume"), 0) << messages();
  EXPECT_EQ(weights("cut"), weights("whole"));
}

TEST_F(KillResume, AFullDiskIsOneErrorAndLeavesNothingHalfWritten) {
  const Program program(command("full"), folder_ / "messages", "trap '' XFSZ; ulimit -f 24;");
  EXPECT_EQ(program.wait(), 3) << messages();
  EXPECT_THAT(messages(), ::testing::HasSubstr("dermis: data error"));
  EXPECT_TRUE(fs::is_empty(folder_ / "full/checkpoints"));
  EXPECT_FALSE(fs::exists(folder_ / "full/model"));
}

}  // namespace
}  // namespace dermis
