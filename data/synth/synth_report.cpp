#include <fmt/core.h>

#include "data/json_fields.h"
#include "data/synth/synth.h"

namespace dermis {
namespace {

Json counts_json(const std::map<std::string, int64_t>& counts) {
  Json object = Json::object();
  for (const auto& [name, count] : counts) object[name] = count;
  return object;
}

std::string table(const std::string& title, const std::map<std::string, int64_t>& counts) {
  std::string text = "\n" + title + "\n";
  for (const auto& [name, count] : counts)
    text += fmt::format("  {:>8}  {}\n", count, name.empty() ? "(missing)" : name);
  return text;
}

}  // namespace

// Counts only: the file is the same however often the run was interrupted and however long it took.
Json to_json(const SynthReport& report) {
  Json failures = Json::array();
  for (const auto& [id, reason] : report.failures) failures.push_back({{"id", id}, {"reason", reason}});
  return {{"schema", 1},
          {"field", report.field},
          {"field_digest", report.field_digest},
          {"teacher", report.teacher},
          {"plan_digest", report.plan_digest},
          {"items", report.items},
          {"items_with_records", report.items_with_records},
          {"planned", report.planned},
          {"accepted", report.accepted},
          {"rejected", counts_json(report.rejected)},
          {"failed", report.failed},
          {"repaired", report.repaired},
          {"by_type", counts_json(report.by_type)},
          {"by_label", counts_json(report.by_label)},
          {"failures", failures}};
}

std::string report_text(const SynthReport& report) {
  std::string text = fmt::format("teacher {} with field {}: {} of {} items have records\n\n", report.teacher,
                                 report.field, report.items_with_records, report.items);
  text += fmt::format("  {:>8}  planned\n", report.planned);
  for (const auto& [check, count] : report.rejected) text += fmt::format("- {:>8}  rejected: {}\n", count, check);
  if (report.failed > 0) text += fmt::format("- {:>8}  failed (no reply)\n", report.failed);
  text += fmt::format("= {:>8}  accepted\n", report.accepted);
  text += table("accepted by question type", report.by_type);
  return text + table("accepted by label", report.by_label);
}

}  // namespace dermis
