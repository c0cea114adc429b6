#include <fmt/core.h>

#include <set>

#include "data/json_fields.h"
#include "data/split/assign.h"
#include "data/split/split.h"

namespace dermis {

Json to_json(const SplitReport& report, const std::vector<Item>& items) {
  Json counts = Json::object();
  for (const auto& [split, labels] : report.counts) {
    for (const auto& [label, count] : labels) counts[split][label] = count;
  }
  Json leaks = Json::array();
  for (const Leak& leak : report.leaks) {
    leaks.push_back({{"group", leak.group}, {"splits", leak.splits}, {"items", leak.items}});
  }
  std::map<std::string, std::set<std::string>> groups;
  for (const Item& item : items) groups[item.split].insert(item.group);
  Json sides = Json::object();
  for (const auto& [split, names] : groups) sides[split] = names;
  const SplitOptions& options = report.options;
  return {{"schema", 1},
          {"checksum", report.checksum},
          {"items", report.items},
          {"groups", report.groups},
          {"largest_group", report.largest_group},
          {"options",
           {{"val", options.val},
            {"test", options.test},
            {"keep_official", options.keep_official},
            {"fix_leaks", options.fix_leaks},
            {"stratum", options.stratum},
            {"seed", options.seed},
            {"near_bits", options.groups.near_bits}}},
          {"counts", counts},
          {"leaks", leaks},
          {"removed", report.removed},
          {"groups_by_split", sides}};
}

std::string report_text(const SplitReport& report) {
  std::string text = fmt::format("{} items in {} leakage groups, the largest of {}\n", report.items, report.groups,
                                 report.largest_group);
  text += fmt::format("joined by patient {}, lesion {}, equal bytes {}, near duplicates {}\n\n", report.joined[0],
                      report.joined[1], report.joined[2], report.joined[3]);
  if (report.not_compared > 0) {
    text += fmt::format("{} near pairs were judged by hash alone, as a picture could not be opened\n\n",
                        report.not_compared);
  }
  std::set<std::string> labels;
  for (const auto& [split, counts] : report.counts) {
    for (const auto& [label, count] : counts) labels.insert(label);
  }
  text += fmt::format("  {:<28}{:>8}{:>8}{:>8}\n", "label", kSides[0], kSides[1], kSides[2]);
  const auto count_of = [&](const char* side, const std::string& label) {
    const auto at = report.counts.find(side);
    if (at == report.counts.end()) return int64_t{0};
    const auto count = at->second.find(label);
    return count == at->second.end() ? int64_t{0} : count->second;
  };
  for (const std::string& label : labels) {
    text += fmt::format("  {:<28}{:>8}{:>8}{:>8}\n", label.empty() ? "(missing)" : label, count_of(kSides[0], label),
                        count_of(kSides[1], label), count_of(kSides[2], label));
  }
  if (!report.leaks.empty()) text += fmt::format("\nofficial splits leak: {} groups\n", report.leaks.size());
  for (size_t i = 0; i < report.leaks.size() && i < 12; ++i) {
    std::string names;
    for (const std::string& item : report.leaks[i].items) names += (names.empty() ? "" : " = ") + item;
    text += "  " + names + "\n";
  }
  if (report.leaks.size() > 12) text += fmt::format("  ... and {} more, see split.json\n", report.leaks.size() - 12);
  if (!report.removed.empty()) text += fmt::format("left out to mend them: {} items\n", report.removed.size());
  if (!report.leaks.empty() && report.removed.empty()) text += "they stay; --fix-leaks takes the training copies out\n";
  return text + fmt::format("\nchecksum {}\n", report.checksum);
}

}  // namespace dermis
