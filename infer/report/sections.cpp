#include "infer/report/sections.h"

#include <fmt/core.h>

#include <algorithm>

#include "infer/report/html.h"

namespace dermis {

std::string tile(const std::string& name, const std::string& value, const std::string& note, bool warn) {
  return fmt::format(
      "<div class=\"tile{}\"><div class=\"name\">{}</div><div class=\"value\">{}</div><div "
      "class=\"note\">{}</div></div>\n",
      warn ? " warn" : "", escape_html(name), value, note);
}

std::string interval_text(const Interval& interval, int decimals) {
  if (interval.too_few) return fmt::format("too few (n = {})", interval.samples);
  return format_interval(interval.value, interval.low, interval.high, decimals);
}

std::string closed_table(const EvalSummary& summary) {
  std::vector<std::vector<std::string>> rows;
  for (const ClosedSummary& s : summary.closed) {
    // One "too few" a row says it all.
    const auto figure = [&](const Interval& interval) {
      return interval.too_few ? std::string() : interval_text(interval);
    };
    rows.push_back(
        {escape_html(s.question_type), std::to_string(s.count), std::to_string(s.classes.size()),
         interval_text(s.balanced_accuracy), figure(s.macro_f1), figure(s.auroc), figure(s.ece), figure(s.brier),
         fmt::format("{:.0f} % {}", 100 * s.collapse.share,
                     s.collapse.answer < 0 ? "" : escape_html(s.classes[static_cast<size_t>(s.collapse.answer)]))});
  }
  return html_table({"question type", "n", "classes", "balanced accuracy", "macro-F1", "AUROC", "ECE", "Brier",
                     "most frequent answer"},
                    rows);
}

std::string open_table(const EvalSummary& summary) {
  std::vector<std::vector<std::string>> rows;
  for (const OpenSummary& s : summary.open) {
    rows.push_back({escape_html(s.question_type), std::to_string(s.count), interval_text(s.exact_match),
                    interval_text(s.token_f1), fmt::format("{:.1f} %", 100 * s.valid_share),
                    fmt::format("{:.1f} %", 100 * s.truncated_share),
                    fmt::format("{:.0f} %", 100 * s.most_frequent_share)});
  }
  return html_table({"question type", "n", "exact match", "token F1", "valid", "truncated", "most frequent answer"},
                    rows);
}

std::string confusion_table(const ClosedSummary& closed) {
  std::string html = "<table class=\"confusion\"><thead><tr><th>truth \\ answer</th>";
  for (const std::string& name : closed.classes) html += "<th>" + escape_html(name) + "</th>";
  html += "<th>n</th></tr></thead><tbody>\n";
  for (int t = 0; t < closed.confusion.classes(); ++t) {
    html += "<tr><th scope=\"row\">" + escape_html(closed.classes[static_cast<size_t>(t)]) + "</th>";
    const auto support = static_cast<double>(std::max<int64_t>(1, closed.confusion.support(t)));
    for (int p = 0; p < closed.confusion.classes(); ++p) {
      const double share = static_cast<double>(closed.confusion.count(t, p)) / support;
      html += fmt::format("<td style=\"background:{};color:{}\" title=\"{:.1f} % of this class\">{}</td>",
                          fmt::format("rgba({},{:.2f})", t == p ? "11,110,117" : "194,87,26", 0.06 + 0.84 * share),
                          share > 0.55 ? "#fff" : "#1c2430", 100 * share, closed.confusion.count(t, p));
    }
    html += fmt::format("<td class=\"note\">{}</td></tr>\n", closed.confusion.support(t));
  }
  return html + "</tbody></table>\n";
}

std::string training_section(const std::vector<Series>& loss_curves) {
  if (loss_curves.empty()) return "";
  return html_section("Training", "Loss per target token.", line_chart(loss_curves, "step", "loss"));
}

}  // namespace dermis
