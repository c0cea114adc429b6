// Train, val and test from leakage groups: groups go whole to one side, sides are balanced by label.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/item.h"
#include "data/split/groups.h"

namespace dermis {

struct SplitOptions {
  double val = 0.1, test = 0.2;  // shares of the items
  // Items that carry a split keep it and only the others are assigned, with their group when it has a side. A source
  // with official train and test but no val gives `val` of its training groups to val.
  bool keep_official = false;
  // With keep_official: a group that crosses sides stays on one, test before val before train; its copies on the other
  // sides leave, so that the official test set is unchanged.
  bool fix_leaks = false;
  std::string stratum;  // metadata attribute balanced beside the label; "" for none
  uint64_t seed = 0;
  GroupOptions groups;
};

struct Leak {
  std::string group;
  std::vector<std::string> items;   // "id (split)"
  std::vector<std::string> splits;  // sorted, two or more
};

struct SplitReport {
  SplitOptions options;
  int64_t items = 0, groups = 0, largest_group = 0;
  std::array<int64_t, 4> joined{};
  int64_t not_compared = 0;
  std::vector<Leak> leaks;                                       // of the official splits, as they came
  std::vector<std::string> removed;                              // "id (train)": left out by fix_leaks
  std::map<std::string, std::map<std::string, int64_t>> counts;  // split -> label -> items
  std::string checksum;                                          // over (id, sha256, group, split) of every item
};

struct SplitResult {
  std::vector<Item> items;  // with group and split set, in the order they came
  SplitReport report;
};

// Error(usage) for shares that do not fit, Error(data) when a side that was asked for is empty: train unless val and
// test are the whole. With keep_official nothing is asked for of items that all stand in val or test: an external test
// set. Leaks between official splits are reported, and stay unless fix_leaks says otherwise.
SplitResult split_items(std::vector<Item> items, const SplitOptions& options);

// SHA-256 over one line an item, sorted by id: what evaluation compares. Frozen in split.json.
std::string split_checksum(const std::vector<Item>& items);

// Groups that stand on more than one side.
std::vector<Leak> find_leaks(const std::vector<Item>& items, const Groups& groups);

nlohmann::ordered_json to_json(const SplitReport& report, const std::vector<Item>& items);
std::string report_text(const SplitReport& report);

// Reads split.json and compares it with the items. Error(data) names what differs.
void verify_split(const std::string& manifest_path, const std::vector<Item>& items);

}  // namespace dermis
