#include "benchmarks/attention/result.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace dermis {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

ContenderResult timed(const char* name, double seconds) {
  return {name, "", 1e-3, {seconds, 0.9 * seconds, 1.2 * seconds}, {2 * seconds, 2 * seconds, 2 * seconds}};
}
ContenderResult failed(const char* name, const char* reason) { return {name, reason, 0, {}, {}}; }

ContestRow row(const char* pass, double work, std::vector<ContenderResult> contenders) {
  ContestRow row;
  row.workload = "prefix-lm";
  row.title = "prefix-lm: 8 x 1152 tokens";
  row.pass = pass;
  row.dtype = "bf16";
  row.work = work;
  row.limit = 800e12;
  row.unit = "TFLOP/s";
  row.scale = 1e12;
  row.limit_name = "a matrix product";
  row.contenders = std::move(contenders);
  return row;
}

// Forward: 1e12 operations in 2 ms are 500 TFLOP/s; the fastest rival that ran takes 3 ms.
ContestResult sample() {
  ContestResult result{"Test <GPU>", "abc123", "2026-01-02T03:04:05Z", "2.11.0", 30, {{"Copy", 4300, "GB/s"}}, {}};
  result.rows.push_back(row("forward", 1e12,
                            {timed("Dermis", 2e-3), timed("flash", 3e-3), timed("math", 50e-3),
                             failed("cuDNN", "head size 72 is not supported")}));
  result.rows.push_back(row(
      "backward", 2.5e12,
      {timed("Dermis", 5e-3), timed("flash", 9e-3), timed("math", 80e-3), failed("cuDNN", "wrong: off by 1.0e+00")}));
  return result;
}

TEST(AttentionBenchResult, SummaryTakesTheNearestSample) {
  std::vector<double> seconds;
  for (int i = 20; i >= 0; --i) seconds.push_back(i);
  const TimeSummary summary = summarize(seconds);
  EXPECT_EQ(summary.median, 10);
  EXPECT_EQ(summary.p10, 2);
  EXPECT_EQ(summary.p90, 18);
  EXPECT_EQ(summarize({}).median, 0);
  EXPECT_EQ(summarize({7}).p90, 7);
}

TEST(AttentionBenchResult, TheRivalIsTheFastestThatRan) {
  const ContestResult result = sample();
  ASSERT_NE(result.rows[0].best_rival(), nullptr);
  EXPECT_EQ(result.rows[0].best_rival()->name, "flash");
  EXPECT_DOUBLE_EQ(result.rows[0].ratio(), 1.5);
  EXPECT_DOUBLE_EQ(result.rows[0].achieved(result.rows[0].ours().warm), 500);
  const ContestRow alone = row("forward", 1, {timed("Dermis", 1), failed("flash", "no mask")});
  EXPECT_EQ(alone.best_rival(), nullptr);
  EXPECT_EQ(alone.ratio(), 0);
}

TEST(AttentionBenchResult, TrainingRatioAddsBothPassesOfOneRival) {
  ContestResult result = sample();
  ASSERT_EQ(training_ratios(result).size(), 1U);
  EXPECT_EQ(training_ratios(result)[0].first, "prefix-lm");
  EXPECT_DOUBLE_EQ(training_ratios(result)[0].second, 12.0 / 7);
  // A rival that is fast forward alone is no rival for training.
  result.rows[1].contenders[1].failure = "no backward";
  EXPECT_DOUBLE_EQ(training_ratios(result)[0].second, 130.0 / 7);
  result.rows.pop_back();
  EXPECT_TRUE(training_ratios(result).empty());
}

TEST(AttentionBenchResult, MarkdownNamesEverything) {
  const std::string text = attention_markdown(sample());
  EXPECT_THAT(text,
              AllOf(HasSubstr("Test <GPU>"), HasSubstr("Commit abc123"), HasSubstr("Copy of this run: 4300.0 GB/s"),
                    HasSubstr("2.00 (1.80 to 2.40)"), HasSubstr("500.0 TFLOP/s"), HasSubstr("62 % of a matrix"),
                    HasSubstr("| flash | 3.00 (2.70 to 3.60) | 1.50 |"), HasSubstr("prefix-lm 1.71"),
                    HasSubstr("head size 72 is not supported"), HasSubstr("wrong: off by 1.0e+00")));
}

TEST(AttentionBenchResult, JsonHoldsTimesAndReasons) {
  const nlohmann::json json = to_json("attention", sample());
  EXPECT_EQ(json["rows"].size(), 2U);
  EXPECT_EQ(json["rows"][0]["fastest_rival"], "flash");
  EXPECT_EQ(json["rows"][0]["contenders"][0]["warm"]["median_s"], 2e-3);
  EXPECT_EQ(json["rows"][0]["contenders"][0]["cold"]["median_s"], 4e-3);
  EXPECT_EQ(json["rows"][0]["contenders"][3]["failure"], "head size 72 is not supported");
  EXPECT_FALSE(json["rows"][0]["contenders"][3].contains("warm"));
  EXPECT_EQ(json["ceilings"][0]["value"], 4300);
}

TEST(AttentionBenchResult, ChartDrawsOursAndTheRivalAsSharesOfTheLimit) {
  const std::string svg = svg_chart(sample());
  EXPECT_THAT(svg, AllOf(HasSubstr("<svg xmlns="), HasSubstr("Test &lt;GPU&gt;"), Not(HasSubstr("Test <GPU>")),
                         HasSubstr("width=\"262.5\""),  // 500 of 800, of 420
                         HasSubstr("width=\"175.0\""),  // 333 of 800
                         HasSubstr("333 flash"), HasSubstr("</svg>\n")));
  size_t bars = 0;
  for (size_t at = svg.find("<rect x="); at != std::string::npos; at = svg.find("<rect x=", at + 1)) ++bars;
  EXPECT_EQ(bars, 4U);
}

}  // namespace
}  // namespace dermis
