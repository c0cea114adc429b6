// Report pages: escaping, charts, verdicts.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "infer/eval/figure_text.h"
#include "infer/report/charts.h"
#include "infer/report/compare_report.h"
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

ClosedSummary closed_summary(const std::string& question_type, double auroc) {
  ClosedSummary s;
  s.question_type = question_type;
  s.classes = {"nevus", "melanoma"};
  s.confusion = ConfusionMatrix(2);
  s.auroc = {.value = auroc, .low = auroc - 0.05, .high = auroc + 0.05};
  return s;
}

// Every "fold" of a page: its heading, and whether it is open.
std::vector<std::pair<std::string, bool>> folds_of(const std::string& page) {
  std::vector<std::pair<std::string, bool>> folds;
  for (size_t at = page.find("<details"); at != std::string::npos; at = page.find("<details", at + 1)) {
    const size_t from = page.find("<summary>", at) + 9;
    folds.emplace_back(page.substr(from, page.find("</summary>", from) - from), page[at + 8] != '>');
  }
  return folds;
}

TEST(CompareReport, ShowsTheProbabilitiesAndConfusionsOfTheQuestionsThatBothWereAsked) {
  CompareReport report{"t", "without", "with", {}, {}, {}, {}};
  report.first.closed = {closed_summary("diagnosis_closed", 0.61), closed_summary("site_closed", 0.62)};
  report.second.closed = {closed_summary("diagnosis_closed", 0.71), closed_summary("border_closed", 0.72)};
  const std::string page = compare_report_html(report);
  EXPECT_THAT(page, HasSubstr("0.610"));
  EXPECT_THAT(page, HasSubstr("0.710"));
  EXPECT_THAT(page, Not(HasSubstr("0.620")));
  EXPECT_THAT(page, Not(HasSubstr("0.720")));
  EXPECT_THAT(folds_of(page), ::testing::ElementsAre(std::pair("diagnosis_closed: confusion", true)));
}

TEST(EvalReport, EveryClosedQuestionHasItsDetailsTheFirstOnesOpen) {
  const std::vector<Prediction> none;
  EvalReport report;
  report.predictions = &none;
  report.summary.closed = {closed_summary("diagnosis_closed", 0.6), closed_summary("diagnosis_in_context", 0.7)};
  EXPECT_THAT(folds_of(eval_report_html(report)),
              ::testing::ElementsAre(std::pair("diagnosis_closed: confusion, calibration, strata", true),
                                     std::pair("diagnosis_in_context: confusion, calibration, strata", false)));
}

TEST(EvalReport, ContaminationIsShown) {
  std::vector<Prediction> none;
  EvalReport report;
  report.predictions = &none;
  EXPECT_THAT(eval_report_html(report), HasSubstr("No picture of this set was in training"));
  report.origin.contamination.gaps = {"3 pictures of <shards> have no leakage group"};
  EXPECT_THAT(eval_report_html(report), HasSubstr("could not be checked in full"));
  EXPECT_THAT(eval_report_html(report), HasSubstr("3 pictures of &lt;shards&gt; have no leakage group"));
  EXPECT_THAT(eval_report_html(report), Not(HasSubstr("No picture of this set was in training")));
  report.origin.contamination.known = {{"ISIC_1", KnownBy::bytes}};
  EXPECT_THAT(eval_report_html(report), HasSubstr("1 picture (1 by the same bytes), e.g. ISIC_1"));
}

TEST(EvalReport, SaysWhatItWasMadeFromAndWith) {
  const std::vector<Prediction> none;
  EvalReport report;
  report.predictions = &none;
  report.origin.date = "2026-01-31T23:59:59Z";
  report.origin.engine_version = "0.1.0 abc";
  report.origin.precision = "bf16";
  report.origin.pictures = 60;
  report.origin.pictures_in_set = 600;
  report.origin.question_types = {"diagnosis_closed"};
  report.origin.notes = {"no preprocessor_config.json"};
  const std::string page = eval_report_html(report);
  for (const char* text : {"2026-01-31T23:59:59Z", "dermis 0.1.0 abc", "bf16", "of the set&#39;s 600",
                           "questions diagnosis_closed alone", "note: no preprocessor_config.json"})
    EXPECT_THAT(page, HasSubstr(text));
  const auto json = to_json(report.origin);
  EXPECT_EQ(json.at("pictures"), 60);
  EXPECT_EQ(json.at("contamination").at("verdict"), "clean");
  report.origin.pictures = 600;
  EXPECT_THAT(eval_report_html(report), HasSubstr("all 600 pictures"));
}

// No figure of the page may look like one when there are only seven questions.
TEST(EvalReport, FiguresBelowSupportAreNowhereANumber) {
  const std::vector<Prediction> none;
  EvalReport report;
  report.predictions = &none;
  ClosedSummary s = closed_summary("diagnosis_closed", 0.777);
  s.count = 7;
  s.collapse = {0.857, 0};
  for (Interval* one : {&s.balanced_accuracy, &s.macro_f1, &s.auroc, &s.ece, &s.brier})
    *one = {.value = 0.777, .low = 0.7, .high = 0.8, .samples = 7, .groups = 7, .too_few = true};
  report.summary.closed = {s};
  const std::string page = eval_report_html(report);
  EXPECT_THAT(page, HasSubstr("too few (n = 7)"));
  EXPECT_THAT(page, Not(HasSubstr("0.777")));
  EXPECT_THAT(page, Not(HasSubstr("86 %")));
  EXPECT_THAT(page, Not(HasSubstr("collapsed")));
}

TEST(CompareReport, FiguresBelowSupportAreNowhereANumber) {
  PairedRow row;
  row.question_type = "diagnosis_closed";
  for (Interval* one : {&row.first, &row.second, &row.difference.difference})
    *one = {.value = 0.777, .low = 0.7, .high = 0.8, .samples = 7, .groups = 7, .too_few = true};
  row.difference.share_second_better = 0.91;
  CompareReport report{"t", "without", "with", {row}, {}, {}, {}};
  report.note = "half of it";
  const std::string page = compare_report_html(report);
  EXPECT_THAT(page, HasSubstr("half of it"));
  EXPECT_THAT(page, HasSubstr("too few to tell"));
  EXPECT_THAT(page, Not(HasSubstr("0.777")));
  EXPECT_THAT(page, Not(HasSubstr("91 %")));
}

TEST(FigureText, OneFormForAll) {
  EXPECT_EQ(figure_text({.value = 0.5, .low = 0.4, .high = 0.6}).plain(), "0.500 [0.400, 0.600]");
  EXPECT_EQ(figure_text({.value = 0.5, .low = 0.4, .high = 0.6}, 1, Sign::always).plain(), "+0.5 [+0.4, +0.6]");
  EXPECT_EQ(figure_text({.value = 0.5, .low = NAN, .high = NAN}).plain(), "0.500 no interval");
  EXPECT_EQ(figure_text({.value = 0.5, .samples = 19, .too_few = true}).plain(), "too few (n = 19)");
  EXPECT_EQ(share_text(0.25, 20).plain(), "25 %");
  EXPECT_EQ(share_text(0.25, 19).plain(), "too few (n = 19)");
  EXPECT_EQ(verdict_text({.value = 0.1, .low = NAN, .high = NAN}), "too few to tell");
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
