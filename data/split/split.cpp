#include "data/split/split.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <unordered_map>

#include "core/error.h"
#include "core/io/hash.h"
#include "core/io/jsonl.h"
#include "core/io/read_file.h"
#include "data/json_fields.h"
#include "data/split/assign.h"

namespace dermis {
namespace {

int side_of(const std::string& split) {
  for (size_t side = 0; side < kSides.size(); ++side) {
    if (split == kSides[side]) return static_cast<int>(side);
  }
  return -1;
}

constexpr double kRounding = 1e-9;  // 1 - 0.3 - 0.7 is not 0

double train_share(const SplitOptions& options) {
  const double share = 1 - options.val - options.test;
  return std::abs(share) < kRounding ? 0 : share;
}

void check_options(const SplitOptions& options) {
  const bool shares = options.val >= 0 && options.test >= 0 && train_share(options) >= 0;
  if (!shares) {
    throw Error(ErrorKind::usage, {.what = "shares of val and test do not fit",
                                   .where = "--val, --test",
                                   .expected = "0 or more each, 1 or less together",
                                   .found = std::to_string(options.val) + " and " + std::to_string(options.test)});
  }
  if (options.fix_leaks && !options.keep_official) {
    throw Error(ErrorKind::usage, {.what = "--fix-leaks mends official splits",
                                   .where = "--fix-leaks",
                                   .fix = "add --keep-official; a split made here has no leaks"});
  }
}

// An attribute that no item has would balance nothing.
void check_stratum(const std::vector<Item>& items, const std::string& stratum) {
  std::set<std::string> known;
  for (const Item& item : items) {
    for (const auto& [attribute, value] : item.metadata) known.insert(attribute);
  }
  if (stratum.empty() || known.contains(stratum)) return;
  throw Error(ErrorKind::usage, {.what = "no item has this attribute",
                                 .where = "--stratum",
                                 .expected = known.empty() ? "none: the items have no metadata"
                                                           : fmt::format("{}", fmt::join(known, ", ")),
                                 .found = stratum,
                                 .fix = "name one of these, or leave --stratum out"});
}

// Items off their group's winning side leave.
void drop_leaking(SplitResult& result, Groups& groups) {
  std::vector<int> winner(groups.size(), -1);
  for (size_t i = 0; i < result.items.size(); ++i) {
    int& side = winner[groups.of[i]];
    side = std::max(side, side_of(result.items[i].split));
  }
  std::vector<Item> kept;
  std::vector<size_t> kept_groups;
  for (size_t i = 0; i < result.items.size(); ++i) {
    Item& item = result.items[i];
    if (!item.split.empty() && side_of(item.split) != winner[groups.of[i]]) {
      result.report.removed.push_back(item.id + " (" + item.split + ")");
      continue;
    }
    kept.push_back(std::move(item));
    kept_groups.push_back(groups.of[i]);
  }
  result.items = std::move(kept);
  groups.of = std::move(kept_groups);
}

// Groups with an official side are bound to it; a leaking group that is not mended keeps its items' own splits.
std::vector<GroupCounts> count_groups(const std::vector<Item>& items, const Groups& groups, const SplitOptions& options,
                                      size_t& key_count) {
  std::vector<GroupCounts> counts(groups.size());
  std::unordered_map<std::string, size_t> keys;
  std::vector<std::map<size_t, int64_t>> tally(groups.size());
  for (size_t i = 0; i < items.size(); ++i) {
    const size_t group = groups.of[i];
    ++counts[group].items;
    ++tally[group][keys.emplace("label\n" + items[i].label, keys.size()).first->second];
    if (!options.stratum.empty()) {
      const auto at = items[i].metadata.find(options.stratum);
      const std::string value = at == items[i].metadata.end() ? std::string() : at->second;
      ++tally[group][keys.emplace("stratum\n" + items[i].label + "\n" + value, keys.size()).first->second];
    }
    if (options.keep_official) counts[group].side = std::max(counts[group].side, side_of(items[i].split));
  }
  for (size_t group = 0; group < groups.size(); ++group) {
    counts[group].name = groups.names[group];
    counts[group].keys.assign(tally[group].begin(), tally[group].end());
  }
  key_count = keys.size();
  return counts;
}

std::array<double, 3> shares_of(const std::vector<GroupCounts>& counts, const SplitOptions& options) {
  std::array<int64_t, 3> official{};
  for (const GroupCounts& group : counts) {
    if (group.side >= 0) official[static_cast<size_t>(group.side)] += group.items;
  }
  if (official[0] + official[1] + official[2] == 0) return {train_share(options), options.val, options.test};
  // Official sides stand: what is free goes to train and, where the source has no val, to val.
  return {1 - options.val, official[1] > 0 ? 0 : options.val, 0};
}

// A source with train and test but no val: its training groups are free to go to val.
void free_training_groups(std::vector<GroupCounts>& counts, const std::vector<Item>& items, const Groups& groups,
                          const SplitOptions& options) {
  const bool has_val = std::any_of(items.begin(), items.end(), [](const Item& item) { return item.split == "val"; });
  if (!options.keep_official || has_val || options.val <= 0) return;
  std::vector<bool> pure(groups.size(), true);
  for (size_t i = 0; i < items.size(); ++i) {
    if (items[i].split != "train") pure[groups.of[i]] = false;
  }
  for (size_t group = 0; group < counts.size(); ++group) {
    if (pure[group]) counts[group].side = -1;
  }
}

// Sides that were asked for must not be empty. Where every item has its official side and none of them is train, as in
// an external test set, there is nothing to ask for.
void check_sides(const SplitResult& result, const SplitOptions& options, bool nothing_to_assign) {
  if (nothing_to_assign) return;
  for (const auto& [side, share] :
       {std::pair{"train", train_share(options)}, std::pair{"val", options.val}, std::pair{"test", options.test}}) {
    const bool empty = !result.report.counts.contains(side);
    if (!empty || share <= 0) continue;
    throw Error(ErrorKind::data,
                {.what = std::string("the ") + side + " side would be empty",
                 .where = std::to_string(result.report.groups) + " leakage groups",
                 .expected = "a group or more on every side that is asked for",
                 .fix = side == std::string("train") ? "import more items; for a test set alone say --val 0 --test 1"
                                                     : std::string("import more items, or ask for --") + side + " 0"});
  }
}

}  // namespace

std::vector<Leak> find_leaks(const std::vector<Item>& items, const Groups& groups) {
  std::map<size_t, Leak> by_group;
  std::map<size_t, std::set<std::string>> sides;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].split.empty()) sides[groups.of[i]].insert(items[i].split);
  }
  for (size_t i = 0; i < items.size(); ++i) {
    const size_t group = groups.of[i];
    const auto at = sides.find(group);
    if (at == sides.end() || at->second.size() < 2) continue;
    Leak& leak = by_group[group];
    leak.group = groups.names[group];
    leak.items.push_back(items[i].id + " (" + (items[i].split.empty() ? "none" : items[i].split) + ")");
    leak.splits.assign(at->second.begin(), at->second.end());
  }
  std::vector<Leak> leaks;
  for (auto& [group, leak] : by_group) leaks.push_back(std::move(leak));
  return leaks;
}

std::string split_checksum(const std::vector<Item>& items) {
  std::vector<std::string> lines;
  for (const Item& item : items)
    lines.push_back(item.id + "\t" + item.sha256 + "\t" + item.group + "\t" + item.split + "\n");
  std::sort(lines.begin(), lines.end());
  Sha256 hash;
  for (const std::string& line : lines) hash.add(line);
  return hash.hex();
}

SplitResult split_items(std::vector<Item> items, const SplitOptions& options) {
  check_options(options);
  check_stratum(items, options.stratum);
  SplitResult result;
  result.items = std::move(items);
  SplitReport& report = result.report;
  report.options = options;
  const bool nothing_to_assign =
      options.keep_official && std::all_of(result.items.begin(), result.items.end(), [](const Item& item) {
        return item.split == "val" || item.split == "test";
      });
  Groups groups = leakage_groups(result.items, options.groups);
  report.joined = groups.joined;
  report.not_compared = groups.not_compared;
  if (options.keep_official) report.leaks = find_leaks(result.items, groups);
  if (options.fix_leaks) drop_leaking(result, groups);
  size_t key_count = 0;
  std::vector<GroupCounts> counts = count_groups(result.items, groups, options, key_count);
  const std::array<double, 3> shares = shares_of(counts, options);
  free_training_groups(counts, result.items, groups, options);
  assign_groups(counts, key_count, shares, options.seed);
  for (const GroupCounts& group : counts) report.largest_group = std::max(report.largest_group, group.items);
  for (size_t i = 0; i < result.items.size(); ++i) {
    Item& item = result.items[i];
    const GroupCounts& group = counts[groups.of[i]];
    item.group = group.name;
    const bool own =
        options.keep_official && !item.split.empty() && (item.split != "train" || shares[1] <= 0 || group.side != 1);
    if (!own) item.split = kSides[static_cast<size_t>(group.side)];
    ++report.counts[item.split][item.label];
  }
  report.items = static_cast<int64_t>(result.items.size());
  report.groups = static_cast<int64_t>(groups.size());
  report.checksum = split_checksum(result.items);
  check_sides(result, options, nothing_to_assign);
  return result;
}

void verify_split(const std::string& manifest_path, const std::vector<Item>& items) {
  const Json manifest = parse_json(read_file(manifest_path), manifest_path);
  const auto at = manifest.find("checksum");
  const std::string expected = at != manifest.end() && at->is_string() ? at->get<std::string>() : "";
  const std::string found = split_checksum(items);
  if (expected == found) return;
  throw Error(ErrorKind::data, {.what = "items differ from the frozen split",
                                .where = manifest_path + ", field checksum",
                                .expected = expected,
                                .found = found,
                                .fix = "use the items file that was written with it, or split again"});
}

}  // namespace dermis
