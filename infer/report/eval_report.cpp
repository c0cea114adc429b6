#include "infer/report/eval_report.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>

#include "infer/report/html.h"
#include "infer/report/sections.h"

namespace dermis {
namespace {

// A model that gives one answer this often while the truth is spread has collapsed.
constexpr double kCollapseShare = 0.9;

std::string tiles_of(const EvalReport& report) {
  std::string html = "<div class=\"tiles\">\n";
  if (!report.summary.closed.empty()) {
    const ClosedSummary& s = report.summary.closed.front();
    const double chance = s.classes.empty() ? 0 : 1.0 / static_cast<double>(s.classes.size());
    html +=
        figure_tile("balanced accuracy, " + s.question_type, s.balanced_accuracy, fmt::format("chance {:.2f}", chance));
    html += figure_tile("AUROC, one against the rest", s.auroc);
    html += figure_tile("calibration error (ECE)", s.ece, "0: confidence equals the share right");
    const bool collapsed = s.count >= kMinSupport && s.collapse.share > kCollapseShare;
    const FigureText share = share_text(s.collapse.share, s.count);
    const std::string answer = s.collapse.answer < 0 || s.count < kMinSupport
                                   ? share.range
                                   : escape_html(s.classes[static_cast<size_t>(s.collapse.answer)]);
    html += tile("most frequent answer", share.value, answer + (collapsed ? ": collapsed" : ""), collapsed);
  }
  const size_t questions = report.predictions->size();
  std::set<std::string> items;
  for (const Prediction& p : *report.predictions) items.insert(p.item);
  const EvalOrigin& origin = report.origin;
  const bool part = origin.pictures < origin.pictures_in_set;
  html += tile("questions", std::to_string(questions),
               part ? fmt::format("about {} pictures, of the set's {}", items.size(), origin.pictures_in_set)
                    : fmt::format("about {} pictures", items.size()),
               part);
  return html + "</div>\n";
}

std::string contamination_text(const Recognition& c) {
  std::string html;
  if (!c.known.empty()) {
    html += "<p class=\"warning\">Training saw part of this set, so these figures are too good: " +
            escape_html(describe(c)) + ".</p>";
  }
  if (!c.gaps.empty()) {
    html += fmt::format("<p class=\"warning\">Contamination could not be checked in full{}:",
                        c.known.empty() ? ", nothing was found so far" : "");
    for (const std::string& gap : c.gaps) html += "<br>" + escape_html(gap);
    html += "</p>";
  }
  if (c.clean()) {
    html +=
        "<p class=\"fine\">No picture of this set was in training: compared by bytes, looks, patient, lesion and "
        "leakage group.</p>";
  }
  return html;
}

// What the figures were made from and with.
std::string lead_of(const EvalReport& report) {
  const EvalOrigin& o = report.origin;
  const std::string views = describe(o.views);
  std::string html = fmt::format(
      "<p>model <code>{}</code> <code>{}</code><br>held-out set <code>{}</code> <code>{}</code>, licence {}{}</p>",
      escape_html(o.model), o.model_digest.substr(0, 12), escape_html(o.shards), o.shards_fingerprint.substr(0, 12),
      escape_html(o.licence.empty() ? "unknown" : o.licence),
      views.empty() ? "" : ", closed questions averaged over " + views);
  html += fmt::format("<p>{}, dermis {}, computed in {}; {}</p>", escape_html(o.date), escape_html(o.engine_version),
                      escape_html(o.precision), escape_html(extent_text(o)));
  if (!report.correction.empty()) html += "<p>answers corrected on the validation set, see below</p>";
  for (const std::string& note : o.notes) html += "<p>note: " + escape_html(note) + "</p>";
  return html;
}

// What was taken out of the answers, so that a reader can judge it.
std::string correction_of(const EvalReport& report) {
  if (report.correction.empty()) return "";
  std::vector<std::vector<std::string>> rows;
  for (const auto& [type, one] : report.correction) {
    if (one.offsets.empty()) {
      rows.push_back({escape_html(type), "all", std::to_string(one.questions), format_number(one.scale, 2), "0"});
    }
    for (const auto& [option, offset] : one.offsets) {
      rows.push_back({escape_html(type), escape_html(option), std::to_string(one.questions),
                      format_number(one.scale, 2), format_number(offset, 2)});
    }
  }
  return html_section("Correction of answers",
                      "Fitted on the validation set " + escape_html(report.validation) +
                          ", every class counting equally: log likelihoods are multiplied by the scale, then the "
                          "option's offset is added. A positive offset means that the model gave this answer too "
                          "rarely. No offsets: too few validation questions of some class.",
                      html_table({"question type", "option", "n", "scale", "offset"}, rows, 2));
}

std::string details_of(const ClosedSummary& s) {
  std::vector<std::vector<std::string>> rows;
  for (const ClassRow& row : s.rows) {
    rows.push_back(
        {escape_html(row.name), std::to_string(row.support), interval_text(row.recall),
         row.predicted < kMinSupport ? fmt::format("too few (n = {})", row.predicted) : format_number(row.precision, 3),
         std::to_string(row.predicted)});
  }
  std::vector<ReliabilityBar> bars;
  for (const ReliabilityBin& bin : s.bins)
    bars.push_back({bin.low, bin.high, bin.mean_confidence, bin.accuracy, bin.count});
  return html_section("Confusion: " + s.question_type, "Rows are the truth, shading is the share of a row.",
                      "<div class=\"scroll\">" + confusion_table(s) + "</div><h3>Per class</h3>" +
                          html_table({"class", "n", "recall", "precision", "times answered"}, rows)) +
         html_section("Calibration: " + s.question_type,
                      "Bars on the dashed line mean that a stated confidence is the share that is right. Numbers are "
                      "answers in the bar.",
                      s.ece.too_few ? figure_text(s.ece).plain() : reliability_chart(bars));
}

std::string strata_of(const ClosedSummary& s) {
  if (s.strata.empty()) return "";
  std::vector<std::vector<std::string>> rows;
  for (const StratumRow& row : s.strata) {
    rows.push_back({escape_html(row.axis), escape_html(row.value), std::to_string(row.balanced_accuracy.samples),
                    fmt::format("{} of {}", row.classes, s.classes.size()), interval_text(row.balanced_accuracy)});
  }
  return html_section("Strata: " + s.question_type,
                      "Groups are never merged and a group below support gets no figure. A gap between groups can come "
                      "from their mix of classes.",
                      html_table({"axis", "group", "n", "classes", "balanced accuracy"}, rows, 2));
}

std::string card_of(const Prediction& p, const ShardReader& pictures) {
  const ShardSample sample = pictures.read(p.sample);
  const bool right = p.predicted == p.expected;
  const double confidence = p.closed() ? *std::max_element(p.probabilities.begin(), p.probabilities.end()) : 0;
  return fmt::format(
      "<div class=\"card\"><img loading=\"lazy\" alt=\"{}\" src=\"{}\"><div><span class=\"{}\">{}</span>{}<br><span "
      "class=\"truth\">{}{}</span></div></div>\n",
      escape_html(p.item), thumbnail_uri(decode_image(sample.image, sample.key), 160), right ? "right" : "wrong",
      escape_html(p.predicted), p.closed() ? fmt::format(" {:.0f} %", 100 * confidence) : std::string(),
      right ? "right" : "truth: " + escape_html(p.expected), "<br>" + escape_html(p.item));
}

// The surest right and the surest wrong answers of every class: where a person should look first.
std::string gallery_of(const EvalReport& report) {
  if (report.pictures == nullptr || report.summary.closed.empty()) return "";
  const ClosedSummary& s = report.summary.closed.front();
  std::string html;
  for (const bool right : {false, true}) {
    std::string cards;
    for (const std::string& name : s.classes) {
      std::vector<const Prediction*> members;
      for (const Prediction& p : *report.predictions) {
        if (p.question_type == s.question_type && p.closed() && p.expected == name &&
            (p.predicted == p.expected) == right)
          members.push_back(&p);
      }
      std::stable_sort(members.begin(), members.end(), [](const Prediction* a, const Prediction* b) {
        return *std::max_element(a->probabilities.begin(), a->probabilities.end()) >
               *std::max_element(b->probabilities.begin(), b->probabilities.end());
      });
      for (size_t i = 0; i < std::min<size_t>(members.size(), s.classes.size() > 4 ? 2 : 4); ++i)
        cards += card_of(*members[i], *report.pictures);
    }
    html += fmt::format("<h3>{}</h3><div class=\"gallery\">{}</div>\n",
                        right ? "Right, most confident first" : "Wrong, most confident first",
                        cards.empty() ? "<p class=\"note\">none</p>" : cards);
  }
  return html_section("Gallery: " + s.question_type,
                      "The surest answers of every class. Confident mistakes are the ones to study.", html);
}

}  // namespace

std::string eval_report_html(const EvalReport& report) {
  std::string body = tiles_of(report) + contamination_text(report.origin.contamination);
  if (!report.summary.closed.empty()) {
    body += html_section("Closed questions",
                         "Scored by the likelihood of each option; intervals are 95 % bootstrap, drawing whole leakage "
                         "groups. Balanced accuracy is "
                         "the mean recall over classes, so a majority guess earns only chance; draws without one of "
                         "the classes are left out. " +
                             escape_html(scarce_text(report.summary)),
                         closed_table(report.summary));
  }
  if (!report.summary.open.empty()) {
    body += html_section("Open questions", "Generated greedily. Valid: not empty. Truncated: cut at the token limit.",
                         open_table(report.summary));
  }
  body += training_section(report.loss_curves);
  for (const ClosedSummary& s : report.summary.closed) {
    body += fold(s.question_type + ": confusion, calibration, strata", details_of(s) + strata_of(s),
                 &s == &report.summary.closed.front());
  }
  body += correction_of(report) + gallery_of(report);
  return html_page(report.title, lead_of(report), body);
}

}  // namespace dermis
