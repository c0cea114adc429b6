#include <fmt/core.h>

#include "data/json_fields.h"
#include "data/sources/import.h"

namespace dermis {
namespace {

constexpr size_t kShown = 5;

std::string table(const std::string& title, const std::map<std::string, int64_t>& counts, const char* empty_name) {
  if (counts.empty()) return "";
  std::string text = "\n" + title + "\n";
  for (const auto& [name, count] : counts)
    text += fmt::format("  {:>8}  {}\n", count, name.empty() ? empty_name : name);
  return text;
}

std::string first_few(const std::string& title, const std::vector<std::string>& names) {
  if (names.empty()) return "";
  std::string text = fmt::format("\n{}: {}\n", title, names.size());
  for (size_t i = 0; i < names.size() && i < kShown; ++i) text += "  " + names[i] + "\n";
  if (names.size() > kShown) text += fmt::format("  ... and {} more, see import_report.json\n", names.size() - kShown);
  return text;
}

std::vector<std::string> joined(const std::vector<std::vector<std::string>>& groups) {
  std::vector<std::string> lines;
  for (const auto& group : groups) {
    std::string line;
    for (const std::string& id : group) line += (line.empty() ? "" : " = ") + id;
    lines.push_back(line);
  }
  return lines;
}

Json counts_json(const std::map<std::string, int64_t>& counts) {
  Json object = Json::object();
  for (const auto& [name, count] : counts) object[name] = count;
  return object;
}

Json pairs_json(const std::vector<std::pair<std::string, std::string>>& pairs) {
  Json list = Json::array();
  for (const auto& [a, b] : pairs) list.push_back({a, b});
  return list;
}

}  // namespace

Json to_json(const ImportReport& report) {
  Json excluded = Json::object();
  for (const auto& [reason, count] : report.excluded) excluded[reason] = count;
  return {{"schema", 1},
          {"kind", report.kind},
          {"folder", report.folder},
          {"field", report.field},
          {"field_digest", report.field_digest},
          {"read", report.read},
          {"kept", report.kept},
          {"excluded", excluded},
          {"labels", counts_json(report.labels)},
          {"splits", counts_json(report.splits)},
          {"licences", counts_json(report.licences)},
          {"most_restrictive_licence", report.most_restrictive},
          {"unknown_labels", counts_json(report.unknown_labels)},
          {"unknown_values", counts_json(report.unknown_values)},
          {"other_files", report.others},
          {"without_id", report.without_id},
          {"without_class", report.without_class},
          {"duplicate_ids", report.duplicate_ids},
          {"duplicate_bytes", report.duplicate_bytes},
          {"duplicate_conflicts", report.duplicate_conflicts},
          {"near_duplicates", pairs_json(report.near_duplicates)},
          {"unreadable", pairs_json(report.unreadable)},
          {"absent", report.absent}};
}

std::string report_text(const ImportReport& report) {
  std::string text = fmt::format("import {} from {} (field {})\n\n", report.kind, report.folder, report.field);
  text += fmt::format("  {:>8}  read\n", report.read);
  for (const auto& [reason, count] : report.excluded) {
    if (count > 0) text += fmt::format("- {:>8}  {}\n", count, reason);
  }
  text += fmt::format("= {:>8}  kept\n", report.kept);
  text += table("labels", report.labels, "(missing)");
  text += table("official splits", report.splits, "(none)");
  text += table("licences", report.licences, "(not stated)");
  text += fmt::format("  the whole is bound by: {}\n", report.most_restrictive);
  text += table("labels that no class of the field knows", report.unknown_labels, "(empty)");
  text += table("values that were left out, as their attribute does not allow them", report.unknown_values, "(empty)");
  text += first_few("pictures named but absent", report.absent);
  text += first_few("files that are no picture", report.others);
  text += first_few("rows without an id", report.without_id);
  text += first_few("rows with a label that no class knows", report.without_class);
  text += first_few("rows with an id that stood before", report.duplicate_ids);
  std::vector<std::string> unreadable;
  for (const auto& [path, reason] : report.unreadable) unreadable.push_back(path + ": " + reason);
  text += first_few("unreadable pictures", unreadable);
  text += first_few("pictures with equal bytes (kept; split keeps them together)", joined(report.duplicate_bytes));
  text += first_few("of these, at odds", report.duplicate_conflicts);
  std::vector<std::string> near;
  for (const auto& [a, b] : report.near_duplicates) near.push_back(a + " ~ " + b);
  text += first_few("near duplicates (kept; split keeps them together)", near);
  return text;
}

}  // namespace dermis
