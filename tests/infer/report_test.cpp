// Report pages: escaping, charts, verdicts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "infer/report/charts.h"
#include "infer/report/eval_report.h"
#include "infer/report/html.h"

namespace dermis {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Html, TextIsEscaped) { EXPECT_EQ(escape_html("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"); }

TEST(Html, PageIsSelfContained) {
  const std::string page = html_page("t", "", "<p>body</p>");
  EXPECT_THAT(page, HasSubstr("<style>"));
  EXPECT_THAT(page, Not(HasSubstr("http://")));
  EXPECT_THAT(page, Not(HasSubstr("https://")));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
}

TEST(Html, NumbersThatDoNotExistAreADash) {
  EXPECT_EQ(format_number(std::nan(""), 3), "-");
  EXPECT_EQ(format_number(0.12345, 3), "0.123");
}

TEST(Charts, LinesFollowTheirPoints) {
  const std::string svg = line_chart({{"a", {{0, 0}, {1, 1}}}}, "x", "y");
  EXPECT_THAT(svg, HasSubstr("<path d=\"M56.0"));
  EXPECT_THAT(line_chart({}, "x", "y"), HasSubstr("nothing to draw"));
}

TEST(Charts, ATallBeginningDoesNotFlattenTheRest) {
  Series loss{"loss", {{0, 6.5}}};
  for (int step = 1; step <= 100; ++step) loss.points.emplace_back(step, 0.5 - 0.001 * step);
  EXPECT_THAT(line_chart({loss}, "step", "loss"), HasSubstr("beginning lies above the frame"));
  loss.points.front().second = 0.6;
  EXPECT_THAT(line_chart({loss}, "step", "loss"), ::testing::Not(HasSubstr("above the frame")));
}

TEST(Charts, LongSeriesAreThinned) {
  Series series{"a", {}};
  for (int i = 0; i < 10000; ++i) series.points.emplace_back(i, i % 7);
  EXPECT_LT(line_chart({series}, "x", "y").size(), 10000U);
}

TEST(CompareReport, SaysWhetherTheIntervalHoldsZero) {
  PairedRow row;
  row.question_type = "diagnosis_closed";
  row.difference.difference = {.value = 0.05, .low = 0.01, .high = 0.09};
  CompareReport report{"t", "without", "with", {row}, {}, {}, {}};
  EXPECT_THAT(compare_report_html(report), HasSubstr("better: the interval lies above 0"));
  report.rows[0].difference.difference.low = -0.01;
  EXPECT_THAT(compare_report_html(report), HasSubstr("not distinguishable"));
}

TEST(EvalReport, ContaminationIsShown) {
  std::vector<Prediction> none;
  EvalReport report;
  report.predictions = &none;
  EXPECT_THAT(eval_report_html(report), HasSubstr("could not be checked"));
  report.contamination = {true, {"g1"}};
  EXPECT_THAT(eval_report_html(report), HasSubstr("1 leakage groups of this set were in training"));
}

TEST(EvalReport, TellsWhatWasCorrected) {
  const std::vector<Prediction> none;
  EvalReport report;
  report.predictions = &none;
  EXPECT_THAT(eval_report_html(report), Not(HasSubstr("Correction of answers")));
  report.validation = "shards/<val>";
  report.correction = {{"diagnosis_closed", {.scale = 0.75, .offsets = {{"nevus", -0.25}}, .questions = 147}}};
  const std::string page = eval_report_html(report);
  for (const char* text : {"answers corrected", "shards/&lt;val&gt;", "147", "0.75", "nevus", "-0.25"})
    EXPECT_THAT(page, HasSubstr(text));
}

}  // namespace
}  // namespace dermis
