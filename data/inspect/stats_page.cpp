#include "data/inspect/stats_page.h"

#include <fmt/format.h>
#include <algorithm>
#include <numeric>
#include <set>

#include "core/text/html.h"
#include "data/inspect/stats_charts.h"

namespace dermis {
namespace {

constexpr const char* kStyle = R"(
:root{--paper:#fbfaf7;--ink:#22262a;--soft:#6b7278;--line:#e2ded5;--bar:#2f6f8f;--card:#ffffff}
@media(prefers-color-scheme:dark){:root{--paper:#191c1f;--ink:#e6e6e3;--soft:#98a0a6;--line:#33383d;--bar:#6fb1d0;--card:#212529}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1080px;margin:0 auto;padding:40px 28px 80px}h1{font-size:30px;margin:0 0 4px;font-weight:650}
h2{font-size:19px;margin:44px 0 14px;font-weight:620}h3{font-size:15px;margin:18px 0 8px;color:var(--soft);font-weight:560}
p{margin:6px 0;max-width:70ch}.soft,.more{color:var(--soft)}.facts{display:flex;flex-wrap:wrap;gap:14px;margin:24px 0 0}
.fact{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:12px 18px;min-width:130px}
.fact b{display:block;font-size:24px;font-weight:640;font-variant-numeric:tabular-nums}.fact span{color:var(--soft);font-size:13px}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:14px}th,td{padding:5px 14px 5px 0;text-align:right;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left}th{color:var(--soft);font-weight:560}td.zero{color:var(--soft);opacity:.55}.scroll{overflow-x:auto}
.bars{display:grid;grid-template-columns:minmax(90px,max-content) 1fr max-content;gap:5px 12px;align-items:center;font-size:14px}
.bars .n{overflow:hidden;text-overflow:ellipsis;max-width:280px}.bars .t{background:color-mix(in srgb,var(--line) 55%,transparent);border-radius:4px;height:14px}
.bars i{display:block;height:14px;border-radius:4px;background:var(--bar)}.bars .v{text-align:right;font-variant-numeric:tabular-nums}.bars em{color:var(--soft);font-style:normal;display:inline-block;min-width:58px}
.two{display:grid;grid-template-columns:1fr 1fr;gap:28px 40px}@media(max-width:820px){.two{grid-template-columns:1fr}}
.wheel{width:100%;max-width:620px;display:block;margin:0 auto}.wheel text{font-size:13px;fill:var(--ink)}.wheel text.in{fill:#fff;font-weight:600}
.hist{width:100%}.hist rect{fill:var(--bar)}.hist line{stroke:var(--line)}.hist text{font-size:12px;fill:var(--soft)}
.gallery{display:flex;flex-wrap:wrap;gap:18px}.gallery figure{margin:0}.gallery .row{display:flex;gap:4px}.gallery img{width:96px;height:96px;object-fit:cover;border-radius:6px;display:block}
figcaption{font-size:13px;color:var(--soft);margin-top:4px})";

std::string named(const std::string& name) { return escape_html(name.empty() ? "(none)" : name); }

std::string cell(int64_t count) {
  return count == 0 ? "<td class=zero>0</td>" : "<td>" + with_thousands(count) + "</td>";
}

std::string facts(const ShardStats& stats) {
  const auto total = [](const std::vector<int64_t>& column) {
    return std::accumulate(column.begin(), column.end(), int64_t{0});
  };
  std::string html = "<div class=facts>";
  const auto fact = [&](const std::string& value, const std::string& name) {
    html += "<div class=fact><b>" + value + "</b><span>" + name + "</span></div>";
  };
  fact(with_thousands(total(stats.pictures)), "pictures");
  fact(with_thousands(total(stats.records)), "records");
  fact(with_thousands(total(stats.turns)), "question-answer turns");
  fact(std::to_string(stats.labels.size()), "classes");
  fact(std::to_string(stats.question_types.size()), "question types");
  fact(fmt::format("{:.1f}", static_cast<double>(stats.picture_bytes) / (1 << 20)), "MiB of pictures");
  return html + "</div>";
}

std::string label_table(const ShardStats& stats) {
  std::string html = "<div class=scroll><table><tr><th>class</th>";
  for (const auto& folder : stats.folders) html += "<th>" + escape_html(folder) + "</th>";
  html += "<th>all</th></tr>";
  for (const auto& [label, columns] : stats.labels) {
    html += "<tr><td>" + named(label) + "</td>";
    for (const int64_t count : columns) html += cell(count);
    html += cell(std::accumulate(columns.begin(), columns.end(), int64_t{0})) + "</tr>";
  }
  return html + "</table></div>";
}

std::string stratum_table(const ShardStats& stats, const std::map<std::string, Counts>& values) {
  std::string html = "<div class=scroll><table><tr><th></th>";
  for (const auto& [label, columns] : stats.labels) html += "<th>" + named(label) + "</th>";
  html += "</tr>";
  for (const auto& [value, by_label] : values) {
    html += "<tr><td>" + named(value) + "</td>";
    for (const auto& [label, columns] : stats.labels) {
      const auto found = by_label.find(label);
      html += cell(found == by_label.end() ? 0 : found->second);
    }
    html += "</tr>";
  }
  return html + "</table></div>";
}

std::string strata(const ShardStats& stats) {
  if (stats.strata.empty()) return "<p class=soft>No record names a stratum.</p>";
  std::string html;
  for (const auto& [name, values] : stats.strata)
    html += "<h3>" + escape_html(name) + "</h3>" + stratum_table(stats, values);
  return html;
}

std::string gallery(const ShardStats& stats) {
  std::string html = "<div class=gallery>";
  for (size_t i = 0; i < stats.examples.size();) {
    const std::string& label = stats.examples[i].label;
    html += "<figure><div class=row>";
    for (; i < stats.examples.size() && stats.examples[i].label == label; ++i) {
      html += fmt::format("<img alt='{}' title='{}' src='data:image/jpeg;base64,{}'>", named(label),
                          escape_html(stats.examples[i].id), base64(stats.examples[i].jpeg));
    }
    html += "</div><figcaption>" + named(label) + "</figcaption></figure>";
  }
  return html + "</div>";
}

// What a model reaches that always gives the same answer: the floor of each closed question.
std::string closed_answers(const ShardStats& stats) {
  std::string html = "<div class=two>";
  for (const auto& [type, answers] : stats.closed_answers) {
    html += "<div><h3>" + escape_html(type) + "</h3>" + bar_list(answers, 8) + "</div>";
  }
  return html + "</div>";
}

std::string licence_table(const ShardStats& stats) {
  std::string html =
      "<div class=scroll><table><tr><th>source</th><th>pictures</th><th>licence</th><th>attribution</th></tr>";
  for (const auto& row : stats.licences) {
    html += fmt::format("<tr><td>{} {}</td>{}<td>{}</td><td>{}</td></tr>", escape_html(row.source),
                        escape_html(row.version), cell(row.pictures), named(row.licence), escape_html(row.attribution));
  }
  return html + "</table></div><p>The most restrictive, and so that of the whole: <b>" + named(stats.licence) +
         "</b></p>";
}

}  // namespace

std::string stats_page(const ShardStats& stats) {
  const std::string unit = stats.counted_tokens ? "tokens" : "words";
  std::string names;
  for (const auto& folder : stats.folders) names += (names.empty() ? "" : ", ") + folder;
  std::string html =
      "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>";
  html += "<title>Data: " + escape_html(names) + "</title><style>" + kStyle + "</style><main>";
  html += "<h1>What these shards hold</h1><p class=soft>" + escape_html(names) +
          (stats.field.empty() ? "" : " · field " + escape_html(stats.field)) + "</p>" + facts(stats);
  const auto section = [&](const std::string& title, const std::string& body) {
    html += "<h2>" + title + "</h2>" + body;
  };
  section("Pictures of each class", gallery(stats));
  section("Classes", label_table(stats));
  section("Classes by stratum", strata(stats));
  section("Question types", bar_list(stats.question_types, 40));
  section("How questions begin, and what they ask about", word_wheel(stats.question_words));
  if (!stats.closed_answers.empty()) {
    section("Answers of closed questions",
            "<p class=soft>The longest bar is what a model reaches that always answers "
            "the same.</p>" +
                closed_answers(stats));
  }
  section("Lengths", "<div class=two><div><h3>questions</h3>" + histogram(stats.question_tokens, unit) +
                         "</div><div><h3>answers</h3>" + histogram(stats.answer_tokens, unit) + "</div></div>");
  section("Picture sizes", "<div class=two><div><h3>width</h3>" + histogram(stats.widths, "pixels") +
                               "</div><div><h3>height</h3>" + histogram(stats.heights, "pixels") + "</div></div>");
  section("Sources and licences", licence_table(stats));
  return html + "</main></html>\n";
}

}  // namespace dermis
