#include "core/log/progress.h"

#include <gtest/gtest.h>

#include "core/io/read_file.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

class ProgressTest : public ::testing::Test {
 protected:
  void SetUp() override { stream_ = std::fopen((folder_ / "out").c_str(), "w"); }
  void TearDown() override { std::fclose(stream_); }
  ProgressOptions options(bool terminal, int columns = 80) {
    ProgressOptions options(stream_);
    options.terminal = terminal;
    options.columns = columns;
    options.clock = [this] { return now_s_; };
    return options;
  }
  std::string shown() {
    std::fflush(stream_);
    return read_file(folder_ / "out");
  }

  testing::TempFolder folder_;
  std::FILE* stream_ = nullptr;
  double now_s_ = 100;
};

TEST_F(ProgressTest, PlainLinesAreRare) {
  Progress progress("train", 100, options(false));
  for (int step = 1; step <= 50; ++step) {
    now_s_ += 1;
    progress.update(step, [] { return "loss 1"; });
  }
  progress.finish(50);
  EXPECT_EQ(shown(),
            "train 10/100  loss 1  eta 1:30\ntrain 20/100  loss 1  eta 1:20\ntrain 30/100  loss 1  eta 1:10\n"
            "train 40/100  loss 1  eta 1:00\ntrain 50/100  loss 1  eta 0:50\ntrain 50/100  eta 0:50\n");
}

TEST_F(ProgressTest, ShortCommandsStayQuietWithoutATerminal) {
  {
    Progress progress("train", 3, options(false));
    for (int step = 1; step <= 3; ++step) progress.update(step);
  }
  EXPECT_EQ(shown(), "");
}

TEST_F(ProgressTest, ATerminalLineIsRewrittenCutAndEnded) {
  {
    Progress progress("synth", 0, options(true, 12));
    progress.update(1, [] { return "a long detail"; });
    progress.update(2);  // within the interval
    now_s_ += 0.2;
    progress.update(3);
  }
  EXPECT_EQ(shown(), "\rsynth 1  a \x1b[K\rsynth 3  0:\x1b[K\n");
}

TEST_F(ProgressTest, EtaOfAResumedRunCountsOnlyWhatThisRunDid) {
  Progress progress("train", 1000, options(false));
  for (int step = 901; step <= 910; ++step) {
    now_s_ += 1;
    progress.update(step);
  }
  EXPECT_EQ(shown(), "train 910/1000  eta 1:30\n");
}

TEST_F(ProgressTest, TrainingDetails) {
  TrainingRates rates([this] { return now_s_; });
  now_s_ += 2;
  const std::string first = rates.details(2.5, 3e-4, {.samples = 80, .tokens = 9000, .data_wait_s = 0.5});
  EXPECT_EQ(first.rfind("loss 2.5000  lr 3.00e-04  40.0 samples/s  4.5k tokens/s  data wait 25 %  ", 0), 0U) << first;
  now_s_ += 1;
  const std::string second = rates.details(2.5, 3e-4, {.samples = 90, .tokens = 9000, .data_wait_s = 0.5});
  EXPECT_NE(second.find("10.0 samples/s  0.0 tokens/s  data wait 0 %"), std::string::npos) << second;
}

TEST(ProgressText, Units) {
  EXPECT_EQ(duration_text(5), "0:05");
  EXPECT_EQ(duration_text(754), "12:34");
  EXPECT_EQ(duration_text(3723), "1:02:03");
  EXPECT_EQ(duration_text(2 * 86400 + 3 * 3600 + 240), "2 d 03:04");
  EXPECT_EQ(count_text(41.2), "41.2");
  EXPECT_EQ(count_text(5123), "5.1k");
  EXPECT_EQ(count_text(999960), "1.0M");
  EXPECT_EQ(bytes_text(812'000'000), "812 MB");
  EXPECT_EQ(bytes_text(1'600'000'000), "1.6 GB");
}

}  // namespace
}  // namespace dermis
