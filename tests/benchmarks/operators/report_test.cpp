#include "benchmarks/operators/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace dermis {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

ContenderResult timed(const char* name, double seconds) {
  return {name, "", 1e-3, {seconds, 0.9 * seconds, 1.2 * seconds}, {}};
}

ContestRow memory_row(const char* op, double bytes, std::vector<ContenderResult> contenders) {
  ContestRow row;
  row.workload = op;
  row.title = "8 x 16";
  row.pass = "forward";
  row.dtype = "bf16";
  row.work = row.bytes = bytes;
  row.limit = 4000e9;
  row.unit = "GB/s";
  row.scale = 1e9;
  row.limit_name = "a copy";
  row.contenders = std::move(contenders);
  return row;
}

// 7.2 GB in 2 ms are 3,600 GB/s, 90 % of 4,000; 1e12 operations and 2 GB in 2 ms are 500 TFLOP/s and 1,000 GB/s.
ContestResult sample() {
  ContestResult result{"Test GPU", "abc123", "2026-01-02T03:04:05Z", "2.11.0", 30, {{"Copy", 4000, "GB/s"}}, {}};
  result.rows.push_back(memory_row("rms_norm", 7.2e9, {timed("Dermis", 2e-3), timed("the formula", 6e-3)}));
  result.rows.push_back(memory_row("rope", 3.6e9, {timed("Dermis", 2e-3)}));
  ContestRow product = memory_row("linear_cross_entropy", 2e9, {timed("Dermis", 2e-3), timed("full logits", 3e-3)});
  product.work = 1e12;
  product.limit = 625e12;
  product.unit = "TFLOP/s";
  product.scale = 1e12;
  product.limit_name = "a matrix product";
  result.rows.push_back(product);
  result.rows.push_back(memory_row("gelu_tanh", 1e9, {{"Dermis", "wrong: off by 1.0e+00", 1, {}, {}}}));
  return result;
}

TEST(OperatorReport, MarkdownNamesEverything) {
  const std::string text = operators_markdown(sample());
  EXPECT_THAT(text, AllOf(HasSubstr("# Operators: Test GPU"), HasSubstr("Copy of this run: 4000.0 GB/s"),
                          HasSubstr("| rms_norm | forward | 8 x 16 | bf16 | 7200.0 | 2.00 (1.80 to 2.40) | 3600.0 | "
                                    "90 % of a copy | the formula | 6.00 (5.40 to 7.20) | 3.00 |"),
                          HasSubstr("| 1000.0 | 80 % of a matrix product (500.0 TFLOP/s) | full logits |"),
                          HasSubstr("| failed: wrong: off by 1.0e+00 |")));
  EXPECT_THAT(text, HasSubstr("1 of 2 rows bound by memory reach 85 % of a copy."));
  EXPECT_THAT(text, HasSubstr("Failed: gelu_tanh, forward: wrong: off by 1.0e+00."));
  ContestResult sound = sample();
  sound.rows.pop_back();
  EXPECT_THAT(operators_markdown(sound), Not(HasSubstr("Failed")));
}

TEST(OperatorReport, LinesForTheTerminal) {
  const ContestResult result = sample();
  EXPECT_EQ(operator_line(result.rows[0]), "rms_norm, forward: 3600.0 GB/s, 90 % of a copy, ratio 3.00");
  EXPECT_EQ(operator_line(result.rows[3]), "gelu_tanh, forward: failed, wrong: off by 1.0e+00");
}

TEST(OperatorReport, CeilingsAreTheMediansOfTheRows) {
  ContestResult result = sample();
  result.rows[0].limit = 3000e9;
  result.rows[3].limit = 5000e9;
  const std::vector<Ceiling> ceilings = operator_ceilings(result.rows);
  ASSERT_EQ(ceilings.size(), 2U);
  EXPECT_EQ(ceilings[0].value, 4000);
  EXPECT_EQ(ceilings[1].value, 625);
  EXPECT_EQ(ceilings[1].unit, "TFLOP/s");
}

TEST(OperatorReport, JsonHoldsBytesAndShares) {
  const nlohmann::json json = to_json("operators", sample());
  EXPECT_EQ(json["benchmark"], "operators");
  EXPECT_EQ(json["rows"][0]["bytes"], 7.2e9);
  EXPECT_DOUBLE_EQ(json["rows"][0]["share"].get<double>(), 0.9);
  EXPECT_EQ(json["rows"][3]["contenders"][0]["failure"], "wrong: off by 1.0e+00");
}

}  // namespace
}  // namespace dermis
