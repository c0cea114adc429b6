#include "infer/report/compare_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "infer/report/html.h"
#include "infer/report/sections.h"

namespace dermis {
namespace {

// Closed questions that both sides were asked.
using SharedQuestions = std::vector<std::pair<const ClosedSummary*, const ClosedSummary*>>;
SharedQuestions shared_questions(const CompareReport& report) {
  SharedQuestions pairs;
  for (const ClosedSummary& first : report.first.closed) {
    for (const ClosedSummary& second : report.second.closed) {
      if (first.question_type == second.question_type) pairs.emplace_back(&first, &second);
    }
  }
  return pairs;
}

bool has_interval(const Interval& interval) {
  return !interval.too_few && std::isfinite(interval.low) && std::isfinite(interval.high);
}

// Balanced accuracy sees answers alone; these see how sure they were.
std::string probabilities_of(const CompareReport& report, const SharedQuestions& shared) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [first, second] : shared) {
    const std::string type = escape_html(first->question_type);
    rows.push_back({type, "AUROC, higher is better", interval_text(first->auroc), interval_text(second->auroc)});
    rows.push_back({type, "Brier score, lower is better", interval_text(first->brier), interval_text(second->brier)});
    rows.push_back({type, "calibration error, lower is better", interval_text(first->ece), interval_text(second->ece)});
  }
  if (rows.empty()) return "";
  return html_section(
      "Probabilities", "Each with its own interval, not paired.",
      html_table({"question type", "figure", escape_html(report.first_name), escape_html(report.second_name)}, rows,
                 2));
}

}  // namespace

std::string compare_report_html(const CompareReport& report) {
  std::string body = "<div class=\"tiles\">\n";
  if (!report.rows.empty()) {
    const PairedRow& row = report.rows.front();
    const Interval& d = row.difference.difference;
    body += figure_tile(report.first_name, row.first);
    body += figure_tile(report.second_name, row.second);
    body += figure_tile("difference", d, verdict_text(d), Sign::always);
  }
  body += "</div>\n";
  std::vector<std::vector<std::string>> rows;
  std::vector<IntervalRow> chart;
  for (const PairedRow& row : report.rows) {
    rows.push_back({escape_html(row.question_type), std::to_string(row.count), interval_text(row.first),
                    interval_text(row.second), interval_text(row.difference.difference, Sign::always),
                    has_interval(row.difference.difference)
                        ? fmt::format("{:.0f} %", 100 * row.difference.share_second_better)
                        : ""});
    if (has_interval(row.difference.difference)) {
      chart.push_back({row.question_type, row.difference.difference.value, row.difference.difference.low,
                       row.difference.difference.high});
    }
  }
  body += html_section("Balanced accuracy on the same questions",
                       "Difference: " + escape_html(report.second_name) + " minus " + escape_html(report.first_name) +
                           ", paired bootstrap over leakage groups. An interval that holds 0 shows no difference. " +
                           escape_html(scarce_text(report.first)),
                       html_table({"question type", "n", escape_html(report.first_name),
                                   escape_html(report.second_name), "difference", "draws in favour"},
                                  rows));
  double reach = 0.05;
  for (const IntervalRow& row : chart) reach = std::max({reach, std::abs(row.low), std::abs(row.high)});
  if (!chart.empty()) body += html_section("Differences", "", interval_chart(chart, -reach, reach, 0));
  body += training_section(report.loss_curves);
  const SharedQuestions shared = shared_questions(report);
  body += probabilities_of(report, shared);
  for (const auto& [first, second] : shared) {
    const auto table = [](const std::string& name, const ClosedSummary& s) {
      return "<div><h3>" + escape_html(name) + "</h3>" + confusion_table(s) + "</div>";
    };
    body += fold(first->question_type + ": confusion",
                 html_section("Confusion: " + first->question_type, "Rows are the truth.",
                              "<div class=\"stack\">" + table(report.first_name, *first) +
                                  table(report.second_name, *second) + "</div>"),
                 first == &report.first.closed.front());
  }
  std::string lead;
  if (!report.note.empty()) lead += "<p>" + escape_html(report.note) + "</p>";
  for (const auto& [name, origin] :
       {std::pair(report.first_name, report.first_origin), std::pair(report.second_name, report.second_origin)}) {
    if (!origin.empty()) lead += fmt::format("<p>{}: {}</p>", escape_html(name), escape_html(origin));
  }
  return html_page(report.title, lead, body);
}

}  // namespace dermis
