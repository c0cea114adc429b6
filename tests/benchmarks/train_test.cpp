// The course of `dermis bench train` with a peer that a test wrote.
#include "benchmarks/train.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/error.h"
#include "core/io/read_file.h"
#include "tests/support/paths.h"

namespace dermis {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class TrainBench : public ::testing::Test {
 protected:
  TrainBench() {
    options_.peer = "sh";
    options_.peer_script = folder_ / "peer.sh";
    options_.device = "cpu";
    options_.repeats = 2;
    options_.steps = 1;
    options_.batch = 1;
    options_.threads = 1;
  }

  // A peer of which every run takes half a second by its own word; `first` is done before it is ready. The file "asked"
  // gets its mode when it starts, and what it is asked for.
  void write_peer(const std::string& first = "true") {
    std::ofstream script(folder_ / "peer.sh");
    script << "asked='" << asked() << "'\n"
           << R"sh(for word; do
  if [ "$last" = --mode ]; then mode=$word; fi
  last=$word
done
echo "start $mode" >> "$asked"
)sh" << first
           << R"sh(
echo '{"ready": true}'
while read -r line; do
  echo "$mode $line" >> "$asked"
  echo '{"seconds": 0.5}'
done
echo '{"peak_mib": 7}'
)sh";
  }
  std::string asked() const { return folder_ / "asked"; }

  testing::TempFolder folder_;
  TrainBenchOptions options_;
};

TEST_F(TrainBench, OwnFiguresComeBeforeThePeerStarts) {
  write_peer();
  int calls = 0;
  const TrainBenchResult result = bench_train(options_, [&](const TrainBenchResult& alone) {
    ++calls;
    EXPECT_FALSE(std::filesystem::exists(asked()));
    EXPECT_EQ(alone.dermis.step_s.size(), 2U);
    EXPECT_GT(alone.dermis.peak_mib, 0);
    EXPECT_TRUE(alone.peers.empty());
    EXPECT_THAT(describe(options_, alone), HasSubstr("\"samples_per_s\""));
  });
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(result.dermis.step_s.size(), 2U) << "those measured beside the peer, no others";
  ASSERT_EQ(result.peers.size(), 2U);
  EXPECT_EQ(result.peers[1].name, "transformers, compile");
  EXPECT_EQ(result.peers[1].step_s, (std::vector<double>{0.5, 0.5}));
  EXPECT_EQ(result.peers[1].peak_mib, 7);
  EXPECT_EQ(read_file(asked()), "start eager\nstart compile\neager run 1\ncompile run 1\neager run 1\ncompile run 1\n");
  EXPECT_THAT(describe(options_, result), HasSubstr("times the faster peer's speed"));
}

TEST_F(TrainBench, OnlyTheModesThatAreAskedForRun) {
  write_peer();
  options_.peer_modes = {"eager"};
  EXPECT_EQ(bench_train(options_).peers.size(), 1U);
  EXPECT_THAT(read_file(asked()), Not(HasSubstr("compile")));
}

TEST_F(TrainBench, AModeThatFailsLeavesTheOther) {
  write_peer("if [ $mode = compile ]; then exit 1; fi");
  const TrainBenchResult result = bench_train(options_);
  ASSERT_EQ(result.peers.size(), 1U);
  EXPECT_EQ(result.peers[0].name, "transformers, eager");
  options_.peer_modes = {"compile"};
  EXPECT_THROW(bench_train(options_), Error);
}

TEST_F(TrainBench, WithoutAPeerThereIsOneMeasurement) {
  options_.peer.clear();
  const TrainBenchResult result = bench_train(options_, [](const TrainBenchResult&) { FAIL(); });
  EXPECT_EQ(result.dermis.step_s.size(), 2U);
}

}  // namespace
}  // namespace dermis
