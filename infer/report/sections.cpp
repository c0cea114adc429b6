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

std::string figure_tile(const std::string& name, const Interval& figure, const std::string& note, Sign sign) {
  const FigureText text = figure_text(figure, 3, sign);
  const char* between = text.range.empty() || note.empty() ? "" : "; ";
  return tile(name, text.value, text.range + between + note);
}

std::string interval_text(const Interval& interval, Sign sign) {
  const FigureText text = figure_text(interval, 3, sign);
  return text.range.empty() || interval.too_few
             ? text.plain()
             : fmt::format("{} <span class=\"ci\">{}</span>", text.value, text.range);
}

std::string scarce_text(const EvalSummary& summary) {
  std::string classes;
  for (const ClosedSummary& s : summary.closed) {
    if (s.balanced_accuracy.too_few) continue;
    for (const ClassRow* row : s.scarce_classes()) {
      classes += fmt::format("{}{} (n = {})", classes.empty() ? "" : ", ", row->name, row->support);
    }
    if (!classes.empty()) return "Classes with too few questions for a figure of their own: " + classes + ".";
  }
  return "";
}

std::string closed_table(const EvalSummary& summary) {
  std::vector<std::vector<std::string>> rows;
  for (const ClosedSummary& s : summary.closed) {
    // One "too few" a row says it all.
    const bool too_few = s.balanced_accuracy.too_few;
    const auto figure = [&](const Interval& interval) { return too_few ? std::string() : interval_text(interval); };
    const std::string answer = s.collapse.answer < 0 ? "" : s.classes[static_cast<size_t>(s.collapse.answer)];
    rows.push_back({escape_html(s.question_type), std::to_string(s.count), std::to_string(s.classes.size()),
                    interval_text(s.balanced_accuracy), figure(s.macro_f1), figure(s.auroc), figure(s.ece),
                    figure(s.brier),
                    too_few ? "" : share_text(s.collapse.share, s.count).plain() + " " + escape_html(answer)});
  }
  return html_table({"question type", "n", "classes", "balanced accuracy", "macro-F1", "AUROC", "ECE", "Brier",
                     "most frequent answer"},
                    rows);
}

std::string open_table(const EvalSummary& summary) {
  std::vector<std::vector<std::string>> rows;
  for (const OpenSummary& s : summary.open) {
    const bool too_few = s.exact_match.too_few;
    const auto share = [&](double value, int decimals) {
      return too_few ? std::string() : share_text(value, s.count, decimals).plain();
    };
    rows.push_back({escape_html(s.question_type), std::to_string(s.count), interval_text(s.exact_match),
                    too_few ? "" : interval_text(s.token_f1), share(s.valid_share, 1), share(s.truncated_share, 1),
                    share(s.most_frequent_share, 0)});
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
